#!/bin/sh
# Say how to open the page of a library; on a terminal, offer to do it.
#
#     tools/offer_page.sh COMMAND...
echo "To see and hear these sounds in the browser, at http://127.0.0.1:8730/ :"
echo "    $*"
if [ -t 0 ] && [ -t 1 ]; then
  printf 'Open it now? [y/N] '
  read -r answer
  case $answer in [yY]*) exec "$@" ;; esac
fi

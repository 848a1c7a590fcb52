"""Sphinx builds the site from this folder: `make docs-site`."""

import libindex

project = "libindex"
author = "the libindex authors"
release = version = libindex.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["images"]

# Pages are Markdown that reads well on a forge too; only lists of contents and the API reference
# need directives.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Docstrings are numpydoc; what they name need not be importable here.
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True

# Furo has no fonts or scripts from elsewhere, so that the site works without a network. Another
# theme is one line.
html_theme = "furo"
html_title = "libindex"
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

"""A window made with Qt that prints the paths of files that are dropped onto it, one a line.

Run by the system's Python, which has PyQt5 from its packages.
"""

import sys

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QApplication, QLabel


class Target(QLabel):
    def dragEnterEvent(self, event) -> None:  # noqa: N802 - Qt's
        event.acceptProposedAction()

    def dropEvent(self, event) -> None:  # noqa: N802 - Qt's
        for url in event.mimeData().urls():
            print(url.toLocalFile() or url.toString(), flush=True)
        event.acceptProposedAction()


application = QApplication(sys.argv)
window = Target("drop here")
window.setAcceptDrops(True)
window.setWindowFlags(Qt.WindowStaysOnTopHint | Qt.X11BypassWindowManagerHint)
window.setGeometry(1000, 0, 200, 150)
window.show()
print("ready", flush=True)
application.exec_()

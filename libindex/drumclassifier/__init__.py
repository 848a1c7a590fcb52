"""The Python face of the original DrumClassifier.

This room can be removed, with the command `classify`, when nobody has scripts or checkpoints of
the original program any more. Nothing else imports it.
"""

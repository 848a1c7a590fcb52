"""The Python face of the original DrumClassifier.

It can be removed, with the command `classify`, when nobody uses scripts or checkpoints of the
original program any more. Nothing else imports it.
"""

"""Making the shipped network: training sounds, fitting, evaluation and calibration."""

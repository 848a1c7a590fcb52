"""`DrumClassifier`: the Python face of the original program, over the pipeline."""

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from libindex import resources
from libindex.analysis.pipeline import Pipeline
from libindex.disk.walk import audio_files
from libindex.errors import SampleError, UsageError
from libindex.network.analyser import Analyser
from libindex.sound.decoding import FloatArray

FORMATS = ("label", "rank", "prob", "dictproba", "mat")


class DrumClassifier:
    """Classifies files into percussion classes, without a library.

    Parameters
    ----------
    path_to_model : str or Path, optional
        A network (.safetensors, or the original's .model); by default the one that comes
        with libindex.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run the network.
    jobs : int, optional
        Number of processes that decode; by default one for every core.
    timeout_s : float
        Maximum time to decode one file [s].

    Attributes
    ----------
    errors : dict of str to SampleError
        The files of the last call that could not be used. They are left out of its result,
        and a warning gives their number.

    Examples
    --------
    >>> from libindex import DrumClassifier
    >>> classifier = DrumClassifier(jobs=2)
    >>> classifier.predict_list_of_files(["demo_sounds/snare01.flac"], "rank").popitem()[1][0]
    'snr'
    """

    def __init__(
        self,
        path_to_model: str | Path | None = None,
        device: str = "auto",
        jobs: int | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._analyser = Analyser.load(path_to_model or resources.default_model(), device)
        self._jobs = jobs or os.cpu_count() or 1
        self._timeout_s = timeout_s
        self.errors: dict[str, SampleError] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Class codes, in the order of the probabilities' columns.

        Examples
        --------
        >>> len(classifier.classes)
        30
        """
        return self._analyser.classes

    def predict_list_of_files(
        self,
        files: Iterable[str | os.PathLike[str]],
        format: str | None = None,
    ) -> dict[str, Any]:
        """Classify files.

        Parameters
        ----------
        files : iterable of str or Path
            The files.
        format : {"label", "rank", "prob", "dictproba", "mat"}, optional
            What to return; None is "mat".

        Returns
        -------
        dict
            "label": {file: code}. "rank": {file: codes, the most probable first}. "prob" and
            "dictproba": {file: {code: probability}}. "mat": {"prob": ndarray of float32,
            shape (files, classes), "row": files, "col": codes}.

        Raises
        ------
        UsageError
            If `format` is not one of these.

        Examples
        --------
        >>> classifier.predict_list_of_files(["demo_sounds/kick01.ogg"], "label")
        {'demo_sounds/kick01.ogg': 'kick'}
        """
        if format is not None and format not in FORMATS:
            raise UsageError(f"no format {format!r}; choose from {', '.join(FORMATS)}")
        names = list(dict.fromkeys(os.fspath(f) for f in files))
        found = self._probabilities(names)
        rows = [name for name in names if name in found]
        matrix = np.stack([found[r] for r in rows]) if rows else self._empty()
        return formatted(rows, self.classes, matrix, format or "mat")

    def predict_proba_directory(
        self,
        dir: str | os.PathLike[str],
        format: str | None = None,
        *,
        recursive: bool = False,
    ) -> dict[str, Any]:
        """Classify the audio files of a directory.

        Parameters
        ----------
        dir : str or Path
            The directory.
        format : str, optional
            As for `predict_list_of_files`.
        recursive : bool
            Whether to include its subdirectories.

        Returns
        -------
        dict
            As `predict_list_of_files`; paths begin with `dir`.

        Raises
        ------
        LibindexError
            If it is not a directory or can't be read.

        Examples
        --------
        >>> result = classifier.predict_proba_directory("demo_sounds")
        >>> result["prob"].shape, result["row"][0]
        ((16, 30), 'demo_sounds/bass01.mp3')
        """
        return self.predict_list_of_files(audio_files(dir, recursive=recursive), format)

    def _probabilities(self, names: list[str]) -> Mapping[str, FloatArray]:
        self.errors = {}
        found: dict[str, FloatArray] = {}
        with Pipeline.start(self._analyser, self._jobs, self._timeout_s) as pipeline:
            for result in pipeline.analyse(names):
                if isinstance(result, SampleError):
                    self.errors[os.fspath(result.path or "")] = result
                else:
                    found[result.path] = result.probabilities
        if self.errors:
            first = next(iter(self.errors.values()))
            warnings.warn(f"{len(self.errors)} files left out, such as {first}", stacklevel=3)
        return found

    def _empty(self) -> FloatArray:
        return np.zeros((0, len(self.classes)), np.float32)


def formatted(
    files: list[str],
    classes: tuple[str, ...],
    matrix: FloatArray,
    format: str,
) -> dict[str, Any]:
    """Probabilities in one of the original's `FORMATS`; see `DrumClassifier`."""
    if format == "label":
        return {f: classes[i] for f, i in zip(files, matrix.argmax(axis=1), strict=True)}
    if format == "rank":
        order = np.argsort(-matrix, axis=1, kind="stable")
        return {f: [classes[i] for i in row] for f, row in zip(files, order, strict=True)}
    if format == "mat":
        return {"prob": matrix, "row": files, "col": list(classes)}
    return {
        f: dict(zip(classes, map(float, row), strict=True))
        for f, row in zip(files, matrix, strict=True)
    }

"""Vectors of prompts from their words alone: a stand-in for a sentence encoder, for tables that bring no embeddings."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedroute_theory._validate import InputError, integer
from fedroute_theory.problems.table import KEY_COLUMNS, read_frame

WORDS = 50_000
"""Most words and pairs of words that are counted, the most frequent ones."""


def embed(texts: Sequence[str], *, dimension: int = 64, seed: int = 0) -> NDArray[np.float32]:
    """Latent semantic vectors (n, dimension) of n texts, of length 1 (0 for a text without a known word).

    Weighted counts of words and pairs of words (tf-idf, scikit-learn), reduced by a truncated singular value decomposition.
    It knows nothing of meaning beyond which words go together: results with it are a floor for those with a sentence encoder.
    dimension: in [1, least of n and the number of words). seed: of the decomposition's random start, in [0, 2^32).
    Raises InputError for parameters out of range and for texts without words.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize
    from threadpoolctl import threadpool_limits

    start = integer("seed", seed, 0, 2**32 - 1)
    counter = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=WORDS, dtype=np.float64)
    try:
        counted = counter.fit_transform(texts)
    except ValueError:
        raise InputError(f"The {len(texts)} texts hold no word to make vectors of.") from None
    size = integer("dimension", dimension, 1)
    if size >= min(counted.shape):
        least = min(counted.shape)
        raise InputError(f"The 'dimension' parameter must be below {least}, the number of texts or of words; got {size}.")
    with threadpool_limits(limits=1):  # the order of sums, and so the bytes, would depend on the number of threads
        reduced = TruncatedSVD(size, random_state=start).fit_transform(counted)
    return np.asarray(normalize(reduced), dtype=np.float32)


def embed_table(path: Path, *, column: str = "prompt", dimension: int = 64, seed: int = 0) -> bytes:
    """An .npz for a table (Parquet or CSV): `embedding` (n, dimension), and the table's key where it is unique.

    column: the one that holds the texts; an empty entry counts as an empty text. The same table and parameters give the same
    bytes. Raises InputError for a table that cannot be read, an unknown column, and as `embed`.
    """
    frame = read_frame(path)
    if column not in frame.columns:
        named = [name for name in frame.columns if "|" not in name]
        raise InputError(f"The table '{path}' has no column '{column}'; it has {', '.join(named)}.")
    texts = [str(value) for value in frame[column].fill_null("").to_list()]
    arrays: dict[str, Any] = {"embedding": embed(texts, dimension=dimension, seed=seed)}
    key = next((k for k in KEY_COLUMNS if k in frame.columns and frame[k].n_unique() == frame.height), None)
    if key is not None:
        arrays[key] = np.array(frame[key].to_list())
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()

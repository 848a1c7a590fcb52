import itertools

from hypothesis import given
from hypothesis import strategies as st

from libindex.network.strips import STRIP_FRAMES, pack_strips


@given(
    lengths=st.lists(st.integers(1, 1000), min_size=1, max_size=60), stride=st.sampled_from([1, 4])
)
def test_sounds_lie_beside_each_other(lengths: list[int], stride: int) -> None:
    slots, sizes = pack_strips(lengths, stride)
    spans = sorted((p.strip, p.start, length) for p, length in zip(slots, lengths, strict=True))
    for (strip, start, length), following in itertools.pairwise(spans):
        assert strip != following[0] or start + length <= following[1]
    for strip, start, length in spans:
        assert start % stride == 0
        assert start + length <= sizes[strip]
    # All but the last are at least half full, or one long sound.
    assert len(sizes) <= 1 + 2 * sum(-(-n // stride) * stride for n in lengths) // 512
    assert all(size in STRIP_FRAMES or size > STRIP_FRAMES[-1] for size in sizes)

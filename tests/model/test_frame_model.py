import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from hypothesis.strategies import floats

from narratives.model.frame_model import as_bytes, rounded_to_bytes

WEIGHTS = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=floats(-1e6, 1e6).map(lambda weight: weight if abs(weight) > 1e-30 else 0.0),
)


@given(WEIGHTS)
def test_a_rounded_weight_is_off_by_less_than_a_hundredth_of_the_largest_in_its_row(weights):
    off = np.abs(rounded_to_bytes(weights) - weights)
    assert (off <= np.abs(weights).max(axis=1, keepdims=True) / 100).all()


@given(WEIGHTS)
def test_rounding_again_changes_nothing(weights):
    once = rounded_to_bytes(weights)
    np.testing.assert_array_equal(rounded_to_bytes(once), once)


@given(WEIGHTS)
def test_a_rounded_weight_is_exact_in_single_precision(weights):
    rounded = rounded_to_bytes(weights)
    np.testing.assert_array_equal(rounded.astype(np.float32), rounded)


@given(WEIGHTS)
def test_a_weight_and_its_negative_round_alike(weights):
    np.testing.assert_array_equal(as_bytes(-weights)[0], -as_bytes(weights)[0])

"""Hints from a rectified stereo pair: semi-global matching with several block sizes, the best by photometric error.

As in Watson et al. 2019 (section 3.3), by OpenCV's semi-global block matching (Hirschmüller 2008).
"""

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.losses import photometric_error

BLOCKS = (3, 7)
"""Sides of the matched blocks in pixels: small ones preserve thin objects, large ones match plain walls."""
MOST_WIDTH = 800
"""Largest width at which pairs are matched: with more pixels it takes longer, and depth is hardly more accurate."""
NEAREST = 0.16
"""Largest stereo disparity of the search, as a share of the image's width."""
MOST_ERROR = 0.15
"""Photometric error above which a match is rejected."""
MOST_OF_UNSHIFTED = 0.9
"""A match is accepted if its error is below this share of the error without a shift. In a plain sky both are alike."""
MOST_DIFFERENCE = 0.5
"""Largest distance in columns between a pixel and the match of its match."""
LEAST_SHARE = 0.5
"""A pixel of the hint is set if at least this share of the image pixels under it has a match."""
MATCHING = (BLOCKS, MOST_WIDTH, NEAREST, MOST_ERROR, MOST_OF_UNSHIFTED, MOST_DIFFERENCE, LEAST_SHARE)
"""The settings that determine a hint. If one of them changes, hints are computed again."""
_STEEPEST, _OFF_AXIS, _ZOOM = 5e-3, 0.03, 0.25
"""Tolerances of rectification: rotation in radians, share of the baseline, share of the focal length (resampled)."""
Grey = UInt8[np.ndarray, "h w"]


def stereo_hint(
    left: UInt8[np.ndarray, "h w 3"],
    right: UInt8[np.ndarray, "hp wp 3"],
    camera: Camera,
    partner_camera: Camera,
    partner_from_self: Float[np.ndarray, "4 4"],
    size: tuple[int, int],
) -> Float32[np.ndarray, "H W"]:
    """Return the inverse depth in 1 / metres (0: unknown) of a frame, from its stereo partner.

    Each pixel takes the median of the matched pixels under it, never a mixture of near and far.

    Args:
        left: the frame; it may be the right image of the pair.
        right: its partner at the same instant.
        camera: the camera of the frame, unbatched.
        partner_camera: the camera of the partner; focal length and centre may differ.
        partner_from_self: maps points from the frame's axes to the partner's, metres.
        size: (height, width) of the hint.

    Raises:
        InputError: the pair is not rectified, or OpenCV is missing.
    """
    _require_rectified(camera, partner_camera, partner_from_self)
    baseline = -float(partner_from_self[0, 3])
    if baseline < 0:  # The partner is on the left. In mirrored images it is on the right.
        flipped = [np.ascontiguousarray(image[:, ::-1]) for image in (left, right)]
        opposite = np.eye(4)
        opposite[0, 3] = baseline
        found = stereo_hint(flipped[0], flipped[1], camera.mirrored(), partner_camera.mirrored(), opposite, size)
        return found[:, ::-1].copy()
    width = min(left.shape[1], MOST_WIDTH)
    matched_size = round(left.shape[0] * width / left.shape[1]), width
    frame, partner = _shrunk(left, matched_size), _as_seen_by(right, partner_camera, camera, matched_size)
    offset = width * _offset(camera, partner_camera)
    disparity, known = _best_disparity(frame, partner, offset)
    inverse_depth = (disparity - offset) / (width * float(camera.focal[0]) * baseline)
    return _reduced(np.where(known, inverse_depth, 0).astype(np.float32), size)


def _require_rectified(camera: Camera, partner_camera: Camera, partner_from_self: Float[np.ndarray, "4 4"]) -> None:
    rotation, offset = partner_from_self[:3, :3], partner_from_self[:3, 3]
    turned = np.abs(rotation - np.eye(3)).max() > _STEEPEST
    aside = np.abs(offset[1:]).max() > _OFF_AXIS * abs(offset[0]) or offset[0] == 0
    zoomed = ((partner_camera.focal / camera.focal).log().abs() > np.log1p(_ZOOM)).any()
    if turned or aside or zoomed:
        raise InputError(
            "the stereo pair is not rectified (rotated, or not side by side); rectify its images, or leave 'stereo' "
            "out of --hints.sources"
        )


def _offset(camera: Camera, partner_camera: Camera) -> float:
    """Return the stereo disparity of points at infinity, as a share of the width."""
    return float(camera.centre[0] - partner_camera.centre[0] * camera.focal[0] / partner_camera.focal[0])


def _shrunk(image: UInt8[np.ndarray, "_ _ 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)


def _as_seen_by(
    image: UInt8[np.ndarray, "_ _ 3"], own: Camera, other: Camera, size: tuple[int, int]
) -> UInt8[np.ndarray, "h w 3"]:
    """Return the partner's image with the frame's focal length and centre row; its first column stays in place."""
    zoom = (other.focal / own.focal).double().numpy()
    lift = float(other.centre[1] - own.centre[1] * zoom[1])
    shrunk = _shrunk(image, size)
    if np.allclose(zoom, 1, atol=1e-6) and abs(lift) * size[0] < 1e-2:
        return shrunk
    # Pixel centres are integers in OpenCV and halves in our convention: u' = zoom u, v' = zoom v + lift.
    matrix = np.array([[zoom[0], 0, (zoom[0] - 1) / 2], [0, zoom[1], (zoom[1] - 1) / 2 + lift * size[0]]])
    return cv2.warpAffine(shrunk, matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _best_disparity(
    frame: UInt8[np.ndarray, "h w 3"], partner: UInt8[np.ndarray, "h w 3"], offset: float
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"]]:
    """Return the disparity in columns by the block size that explains each pixel best, and where there is a match."""
    grey, other = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (frame, partner))
    found = np.stack([_consistent(grey, other, block, offset) for block in BLOCKS])
    error = np.stack([_error(frame, partner, disparity) for disparity in found])
    best = error.argmin(0)[None]
    least = np.take_along_axis(error, best, 0)[0]
    infinitely_far = _error(frame, partner, np.full_like(found[0], offset))
    known = (least < MOST_ERROR) & (least < MOST_OF_UNSHIFTED * infinitely_far)
    return np.take_along_axis(found, best, 0)[0], known


def _consistent(frame: Grey, partner: Grey, block: int, offset: float) -> Float32[np.ndarray, "h w"]:
    """Return the frame's disparity where that of the partner agrees; NaN elsewhere."""
    disparity = _disparity(frame, partner, block, offset)
    flipped = [np.ascontiguousarray(image[:, ::-1]) for image in (partner, frame)]
    partners = _disparity(flipped[0], flipped[1], block, offset)[:, ::-1]
    match = np.rint(np.arange(frame.shape[1]) - np.nan_to_num(disparity)).astype(int)
    difference = np.abs(np.take_along_axis(partners, match.clip(0, frame.shape[1] - 1), 1) - disparity)
    return np.where(difference <= MOST_DIFFERENCE, disparity, np.float32(np.nan))


def _disparity(frame: Grey, partner: Grey, block: int, offset: float) -> Float32[np.ndarray, "h w"]:
    """Return the disparity for one block size; NaN without a match, or with a match outside of the partner."""
    width = frame.shape[1]
    lowest = int(np.floor(offset))
    count = 16 * int(np.ceil(NEAREST * width / 16))
    # OpenCV leaves out as many columns on the left as it searches, so they are added here.
    beside = max(lowest + count, 0)
    images = [cv2.copyMakeBorder(image, 0, 0, beside, 0, cv2.BORDER_REPLICATE) for image in (frame, partner)]
    matcher = cv2.StereoSGBM.create(
        minDisparity=lowest,
        numDisparities=count,
        blockSize=block,
        P1=8 * block**2,
        P2=32 * block**2,
        disp12MaxDiff=1,
        preFilterCap=31,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY,
    )
    disparity = matcher.compute(*images)[:, beside:].astype(np.float32) / 16
    match = np.arange(width) - disparity
    good = (disparity > np.maximum(offset, lowest)) & (match >= 0) & (match <= width - 1)
    return np.where(good, disparity, np.float32(np.nan))


def _error(
    frame: UInt8[np.ndarray, "h w 3"], partner: UInt8[np.ndarray, "h w 3"], disparity: Float32[np.ndarray, "h w"]
) -> Float32[np.ndarray, "h w"]:
    """Return the photometric error of the matches (Godard et al. 2019, eq. 2); infinite without a match."""
    height, width = disparity.shape
    column = np.arange(width, dtype=np.float32) - np.nan_to_num(disparity)
    row = np.repeat(np.arange(height, dtype=np.float32)[:, None], width, 1)
    warped = cv2.remap(partner, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen, own = (torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (warped, frame))
    error = photometric_error(seen, own)[0]
    return np.where(np.isnan(disparity), np.float32(np.inf), error.numpy())


def _reduced(inverse_depth: Float32[np.ndarray, "h w"], size: tuple[int, int]) -> Float32[np.ndarray, "H W"]:
    """Return the median of the known values (not 0) under every pixel; 0 if they are few."""
    rows, columns = (_samples(old, new) for old, new in zip(inverse_depth.shape, size, strict=True))
    under = inverse_depth[rows[:, None, :, None], columns[None, :, None, :]].reshape(*size, -1)
    ascending = np.sort(np.where(under > 0, under, np.inf), -1)
    count = np.isfinite(ascending).sum(-1)
    median = np.take_along_axis(ascending, (np.maximum(count, 1) - 1)[..., None] // 2, -1)[..., 0]
    return np.where(count >= LEAST_SHARE * under.shape[-1], median, 0).astype(np.float32)


def _samples(old: int, new: int) -> np.ndarray:
    """Return positions among `old` under each of `new`, evenly spaced: new x k."""
    each = -(-old // new)
    place = (np.arange(new)[:, None] + (np.arange(each) + 0.5) / each) / new
    return np.minimum((place * old).astype(int), old - 1)

"""Shade hits to an image: materials, light, haze, sky, and smooth edges."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from egodepth.synthetic import car_paint, materials
from egodepth.synthetic.ground import ground
from egodepth.synthetic.materials import Albedo
from egodepth.synthetic.raycast import SKY, Eye, Hits
from egodepth.synthetic.scene import Material, Scene
from egodepth.synthetic.sky import sky
from egodepth.synthetic.street import Street
from egodepth.synthetic.surface import Contacts, Surface, surface_of, touch

SHADERS: dict[Material, Callable[[Surface], Albedo]] = {
    Material.FACADE: materials.facade,
    Material.SHOP: materials.shop,
    Material.PLAIN: materials.plain,
    Material.MASONRY: materials.masonry,
    Material.ROOF: materials.roof,
    Material.FOLIAGE: materials.foliage,
    Material.BARK: materials.bark,
    Material.METAL: materials.metal,
    Material.SIGN: materials.sign,
    Material.CAR_SIDE: car_paint.side,
    Material.CAR_REAR: car_paint.rear,
    Material.CAR_FRONT: car_paint.front,
    Material.CAR_CABIN: car_paint.cabin,
    Material.CAR_GLASS: car_paint.glass,
    Material.CAR_PAINT: materials.plain,
    Material.CAR_UNDER: car_paint.under,
    Material.SHADE: car_paint.shade,
}
HAZE = np.array([[0.78], [0.82], [0.86]], np.float32)
HAZE_LENGTH = 450.0
"""Distance in metres over which a colour fades to 1/e of itself into the horizon's."""


def shade(street: Street, scene: Scene, eye: Eye, hits: Hits) -> Float[np.ndarray, "h w 3"]:
    """Return the noise-free image in [0, 1].

    If all rays of a pixel hit one face, it is shaded once, at its centre, by patterns filtered over the pixel. A pixel
    on an edge is the mean of its rays.
    """
    (height, width), rays = eye.size, len(hits.face)
    face = hits.face.reshape(rays, -1)
    is_edge = (face[1:] != face[0]).any(0)
    inner, edge = np.flatnonzero(~is_edge), np.flatnonzero(is_edge)
    sample = np.concatenate([np.zeros(len(inner), int), np.repeat(np.arange(rays), len(edge))])
    pixel = np.concatenate([inner, np.tile(edge, rays)])
    share = np.concatenate([np.ones(len(inner), np.float32), np.full(rays * len(edge), 0.6, np.float32)])
    x, y = eye.directions()
    contacts = touch(
        scene,
        eye,
        x[sample, pixel % width],
        y[sample, pixel // width],
        hits.inverse_depth.reshape(rays, -1)[sample, pixel],
        face[sample, pixel],
        share,
    )
    colour = _colours(street, scene, eye, contacts)
    image = np.empty((height * width, 3), np.float32)
    image[inner] = colour[:, : len(inner)].T
    image[edge] = colour[:, len(inner) :].reshape(3, rays, len(edge)).mean(1).T
    return np.clip(image, 0, 1).reshape(height, width, 3)


def _colours(street: Street, scene: Scene, eye: Eye, contacts: Contacts) -> Float[np.ndarray, "3 n"]:
    """Return the colour at each ray's hit."""
    colour = np.empty_like(contacts.ray)
    kind = np.where(contacts.face == SKY, -1, scene.material[contacts.face])
    light_of_face = _light(street, scene.normal.T.astype(np.float32))
    for material in (np.flatnonzero(np.bincount(kind + 1)) - 1).tolist():
        rows = np.flatnonzero(kind == material)
        if material < 0:
            colour[:, rows] = sky(street, contacts.ray[:, rows])
            continue
        s = surface_of(scene, eye, contacts, rows)
        albedo = ground(s, street.road) if material == Material.GROUND else SHADERS[Material(material)](s)
        light = light_of_face[contacts.face[rows]]
        if material == Material.FOLIAGE:
            light = _leaf_light(street, scene, contacts.face[rows], s, light)
        elif material == Material.GROUND and street.shadows:
            sunlight = np.float32(-street.sun[1] * street.sunlight)
            light = light - sunlight * street.shadows.shade(s.point[0], s.point[2], s.foot_v)
        fog = np.exp(s.depth * np.float32(-1 / HAZE_LENGTH))
        colour[:, rows] = HAZE + (albedo * light - HAZE) * fog
    return colour


def _light(street: Street, normal: Float[np.ndarray, "3 n"], softness: float = 0.0) -> Float[np.ndarray, " n"]:
    """Return sky light, which is stronger from above, plus sunlight; `softness` extends it to the far side."""
    from_sky = 0.82 - 0.18 * normal[1]
    facing = np.maximum((street.sun.astype(np.float32) @ normal + softness) / (1 + softness), 0)
    return (from_sky * (1 - 0.35 * street.sunlight) + street.sunlight * facing).astype(np.float32)


def _leaf_light(
    street: Street, scene: Scene, face: Int[np.ndarray, " n"], s: Surface, flat: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return light on leaves: soft on round crowns, `flat` on hedges."""
    is_round = (scene.normal == 0).all(1)[face]
    radial = (s.point - scene.origin.T.astype(np.float32).take(face, 1)) / np.maximum(s.extent, np.float32(1e-3)) ** 2
    radial /= np.sqrt((radial * radial).sum(0))
    return np.where(is_round, _light(street, radial, softness=0.7), flat)

"""A face that does what it is asked, rendered from one honest photograph: its mesh is moved and the picture warped along.

It shows that the protocol works on pictures. It is also an attack, and a good one: whoever injects such frames answers
a challenge with somebody else's photograph. What passive detection says of it is measured, never assumed.
"""

from __future__ import annotations

import cv2
import numpy as np

from ekyc.imaging.decode import read_image
from ekyc.liveness.active import Step

WIDTH, HEIGHT, FACE_PX = 480, 640, 200
_UPPER_LIDS = (161, 160, 159, 158, 157, 388, 387, 386, 385, 384)
_LOWER_LIDS = (163, 144, 145, 153, 154, 390, 373, 374, 380, 381)
_INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_INNER_LOWER = (95, 88, 178, 87, 14, 317, 402, 318, 324)
_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_RING = 24


class RenderedFace:
    """Renders a moved face. Give it a photograph and the mesh of ``ekyc.face``."""

    def __init__(self, photograph, mesh_points, face_px=FACE_PX):
        """
        Args:
            photograph: uint8 (height, width, 3), blue-green-red, one face.
            mesh_points: (468, 3) pixels of the photograph.
            face_px: how wide the face is; of another distance no frame looks like one of this.
        """
        width = np.ptp(mesh_points[:, 0])
        scale = face_px / width
        centre = mesh_points[:, :2].mean(axis=0)
        move = np.array(
            [
                [scale, 0, WIDTH / 2 - scale * centre[0]],
                [0, scale, 0.45 * HEIGHT - scale * centre[1]],
            ]
        )
        self._picture = cv2.warpAffine(
            photograph, move, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        )
        self._mesh = np.c_[
            mesh_points[:, :2] @ move[:, :2].T + move[:, 2], mesh_points[:, 2] * scale
        ]
        self._middle = np.array(
            [*self._mesh[:, :2].mean(axis=0), self._mesh[list(_OVAL), 2].mean()]
        )
        self._source = np.vstack([self._mesh[:, :2], self._surroundings()]).astype(np.float32)
        self._triangles = _triangulate(self._source)

    def _surroundings(self):
        """A ring around the head and the frame's edge: they hold the background still."""
        angles = np.linspace(0, 2 * np.pi, _RING, endpoint=False)
        ring = (
            self._middle[:2]
            + np.c_[np.cos(angles) * FACE_PX * 0.95, np.sin(angles) * FACE_PX * 1.25]
        )
        x, y = np.linspace(0, WIDTH - 1, 5), np.linspace(0, HEIGHT - 1, 6)
        edge = [(a, b) for a in x for b in y if a in (x[0], x[-1]) or b in (y[0], y[-1])]
        inside = (ring > 2) & (ring < (WIDTH - 3, HEIGHT - 3))
        return np.vstack([ring[inside.all(axis=1)], edge])

    def frame(self, shares, *, sway=(0.0, 0.0, 0.0), light=(0.0, 0.0, 0.0), noise=None):
        """The picture of a moved face.

        Args:
            shares: of each step's movement, 1 where it counts, by :class:`Step`.
            sway: degrees of yaw and pitch, and pixels sideways, on top.
            light: what the screen adds to the skin, as shares of blue, green, red.
            noise: grain of the sensor, of the picture's shape.
        """
        target = self._source.copy()
        target[: len(self._mesh)] = self._moved(shares, sway)
        picture = _warp(self._picture, self._source, target, self._triangles)
        if shares.get(Step.OPEN_MOUTH, 0) > 0.05:
            inner = target[[*_INNER_UPPER, *_INNER_LOWER[::-1]]].round().astype(np.int32)
            cv2.fillPoly(picture, [inner], (28, 22, 46), lineType=cv2.LINE_AA)
        picture = self._lids(picture, target[: len(self._mesh)], shares.get(Step.BLINK, 0.0))
        picture = _lit(picture, target[list(_OVAL)], light)
        grown = 1 + 0.24 * shares.get(Step.COME_CLOSER, 0.0)
        move = np.array(
            [
                [grown, 0, (1 - grown) * self._middle[0] + sway[2]],
                [0, grown, (1 - grown) * self._middle[1]],
            ]
        )
        picture = cv2.warpAffine(picture, move, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        if noise is not None:
            picture = np.clip(picture.astype(np.float32) + noise, 0, 255).astype(np.uint8)
        return picture

    def _moved(self, shares, sway):
        points = self._mesh.copy()
        self._shut_eyes(points, shares.get(Step.BLINK, 0.0))
        self._open_mouth(points, shares.get(Step.OPEN_MOUTH, 0.0))
        yaw = 22 * (shares.get(Step.TURN_LEFT, 0.0) - shares.get(Step.TURN_RIGHT, 0.0)) + sway[0]
        pitch = 16 * shares.get(Step.LOOK_UP, 0.0) + sway[1]
        a, b = np.radians(yaw), np.radians(pitch)
        x, y, z = (points - self._middle).T
        x, z = x * np.cos(a) - z * np.sin(a), x * np.sin(a) + z * np.cos(a)
        y = y * np.cos(b) + z * np.sin(b)
        return np.c_[x, y] + self._middle[:2]

    def _shut_eyes(self, points, share):
        closing = min(1.0, 0.55 * share)
        upper, lower = list(_UPPER_LIDS), list(_LOWER_LIDS)
        points[upper, :2] += closing * (points[lower, :2] - points[upper, :2])

    def _open_mouth(self, points, share):
        lips = points[[13, 14], 1].mean()
        left, right = points[78, 0], points[308, 0]
        half = (right - left) / 2
        off = (points[:, 0] - (left + right) / 2) / half
        drop = 0.8 * share * half
        chin = points[:, 1] > lips + 1
        points[chin, 1] += drop * np.exp(-((off[chin] / 2.2) ** 2))
        inner = list(_INNER_LOWER)
        points[inner, 1] = lips + (points[inner, 1] - lips) * np.clip(
            1.15 - off[inner] ** 2, 0.1, 1
        )

    def _lids(self, picture, points, share):
        """Skin over the eyes, and lashes: squeezed pupils alone do not look shut, not even to a net."""
        if share < 0.3:
            return picture
        drawn = picture.copy()
        for side in (0, 1):
            some = slice(5 * side, 5 * side + 5)
            corners = ((33, 133), (362, 263))[side]
            upper = self._mesh[list(_UPPER_LIDS[some]), :2]
            lower = points[list(_LOWER_LIDS[some])]
            line = np.vstack([points[corners[0]], lower, points[corners[1]]])
            eye = np.vstack([line, upper[::-1] - (0, 3)]).round().astype(np.int32)
            above = (upper.mean(axis=0) - (0, 7)).round().astype(int)
            skin = picture[above[1] - 2 : above[1] + 3, above[0] - 4 : above[0] + 5]
            cv2.fillPoly(drawn, [eye], [float(v) for v in np.median(skin, axis=(0, 1))])
            lashes = [float(v) for v in np.median(skin, axis=(0, 1)) * 0.35]
            cv2.polylines(drawn, [line.round().astype(np.int32)], False, lashes, 2, cv2.LINE_AA)
        weight = min(1.0, (share - 0.3) / 0.4)
        return cv2.addWeighted(cv2.GaussianBlur(drawn, (0, 0), 0.7), weight, picture, 1 - weight, 0)


def photograph_of(models):
    """The shipped photograph of the demonstration, with its mesh."""
    from ekyc.face import FacePipeline, dominant_face
    from ekyc.inference import ModelStore

    picture = read_image(ModelStore().asset_path("portrait-astronaut"))
    pipeline = FacePipeline.over(models)
    face = pipeline.detector.refine(picture, dominant_face(pipeline.detector.detect(picture)))
    return picture, face.mesh.points


def _triangulate(points):
    plane = cv2.Subdiv2D((-1, -1, WIDTH + 2, HEIGHT + 2))
    known = {}
    for index, (x, y) in enumerate(points):
        plane.insert((float(x), float(y)))
        known[(round(float(x), 2), round(float(y), 2))] = index
    found = []
    for corners in plane.getTriangleList().reshape(-1, 3, 2):
        keys = [(round(float(x), 2), round(float(y), 2)) for x, y in corners]
        if all(key in known for key in keys):
            found.append([known[key] for key in keys])
    return np.array(found)


def _warp(picture, source, target, triangles):
    """Each triangle of the source drawn at its place in the target; hidden ones lie below."""
    out = picture.copy()
    for corners in triangles:
        before, after = source[corners], target[corners].astype(np.float32)
        if np.abs(after - before).max() < 0.05:
            continue
        left, top, width, height = cv2.boundingRect(after)
        left, top = max(left, 0), max(top, 0)
        right, bottom = min(left + width + 1, WIDTH), min(top + height + 1, HEIGHT)
        if right <= left or bottom <= top or abs(_area(after)) < 0.3:
            continue
        move = cv2.getAffineTransform(before, after - np.float32((left, top)))
        piece = cv2.warpAffine(
            picture,
            move,
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillConvexPoly(mask, (after - (left, top)).round().astype(np.int32), 1)
        out[top:bottom, left:right][mask > 0] = piece[mask > 0]
    return out


def _area(corners):
    (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
    return (ax * by - ay * bx) / 2


def _lit(picture, oval, light):
    if not any(light):
        return picture
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(oval.astype(np.float32)).round().astype(np.int32), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    return np.clip(picture * (1 + mask * np.float32(light)), 0, 255).astype(np.uint8)

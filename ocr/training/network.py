"""The line recogniser: convolutions that see letters, a recurrent layer that sees words, a CTC head.

Every layer is multiplied by a mask made from the line's true width, and the backward half of the recurrent layer
starts at each line's own end. So a line reads the same however far it is padded and whatever stands beside it
in the batch: by construction, not by training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from training.network_input import LINE_HEIGHT

NEVER = -30.0
"""Logit of every class but the blank beyond the line's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkShape:
    """How wide the layers are."""

    classes: int
    stem: tuple[int, int] = (16, 64)
    body: int = 128
    mixed: int = 256
    recurrent: int = 160

    def as_dict(self) -> dict[str, object]:
        """For a checkpoint."""
        return asdict(self)


class LineNetwork(nn.Module):
    """(batch, 2, 40, width) → (batch, width / 4, classes) log-probabilities; class 0 is the blank.

    Plane 0 is ink (1) on paper (0), plane 1 is 1 inside the line's true width and 0 beyond.
    """

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        first, second = shape.stem
        self.see_edges = _convolution(1, first, kernel=5, stride=(2, 2))
        self.see_strokes = _convolution(first, second, stride=(2, 2))
        self.strokes = _Residual(second)
        self.see_letters = _convolution(second, shape.body, stride=(2, 1))
        self.letters = _Residual(shape.body)
        self.flatten = nn.Sequential(
            nn.Conv2d(shape.body, shape.mixed, (LINE_HEIGHT // 8, 1), bias=False),
            nn.BatchNorm2d(shape.mixed),
            nn.ReLU(inplace=True),
        )
        self.mix = nn.ModuleList(_Neighbours(shape.mixed) for _ in range(2))
        self.onwards = nn.LSTM(shape.mixed, shape.recurrent, batch_first=True)
        self.backwards = nn.LSTM(shape.mixed, shape.recurrent, batch_first=True)
        self.head = nn.Linear(2 * shape.recurrent + shape.mixed, shape.classes)

    def forward(self, line: Tensor) -> Tensor:
        row, mask = self.look(line)
        return self._read(row.transpose(1, 2), mask.transpose(1, 2))

    def look(self, line: Tensor) -> tuple[Tensor, Tensor]:
        """What the convolutions see: (batch, channels, steps), and 1 inside each line, (batch, 1, steps)."""
        ink, inside = line[:, :1], line[:, 1:, :1]  # (batch, 1, 40, W), (batch, 1, 1, W)
        seen = self.see_edges(ink * inside)
        # Of the convolutions' own type: in training a mask of float32 would widen every layer again.
        half, quarter = inside[..., ::2].to(seen.dtype), inside[..., ::4].to(seen.dtype)
        seen = seen * half
        seen = self.see_strokes(seen) * quarter
        seen = self.strokes(seen, quarter)
        seen = self.see_letters(seen) * quarter
        seen = self.letters(seen, quarter)
        seen = self.flatten(seen) * quarter
        row, row_mask = seen.squeeze(2), quarter.squeeze(2)  # (batch, channels, T), (batch, 1, T)
        for mix in self.mix:
            row = mix(row, row_mask)
        return row, row_mask

    def _read(self, steps: Tensor, mask: Tensor) -> Tensor:
        order = _reversed_order(mask)
        onwards = self.onwards(steps)[0]
        turned = steps.gather(1, order.expand(-1, -1, steps.shape[2]))
        backwards = self.backwards(turned)[0]
        backwards = backwards.gather(1, order.expand(-1, -1, backwards.shape[2]))
        read = torch.cat((onwards, backwards, steps), dim=2)
        logits, mask = self.head(read).float(), mask.float()
        nothing = torch.full_like(logits[:1, :1], NEVER)
        nothing[..., 0] = 0.0
        return torch.log_softmax(logits * mask + nothing * (1.0 - mask), dim=2)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, seen: Tensor, mask: Tensor) -> Tensor:
        change = self.norm(self.second(self.first(seen) * mask))
        return torch.relu(seen + change) * mask


class _Neighbours(nn.Module):
    """Each step looks at the four before and the four behind it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.look = nn.Conv1d(channels, channels, 9, padding=4, groups=channels, bias=False)
        self.look_norm = nn.BatchNorm1d(channels)
        self.think = nn.Conv1d(channels, channels, 1, bias=False)
        self.think_norm = nn.BatchNorm1d(channels)

    def forward(self, row: Tensor, mask: Tensor) -> Tensor:
        change = self.think_norm(self.think(torch.relu(self.look_norm(self.look(row)))))
        return torch.relu(row + change) * mask


def _convolution(
    inside: int, outside: int, *, kernel: int = 3, stride: tuple[int, int] = (1, 1)
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(inplace=True),
    )


def _reversed_order(mask: Tensor) -> Tensor:
    """Indices (batch, T, 1) that turn each line's own steps round and leave the padding where it is."""
    mask = mask.float()
    step = (torch.cumsum(torch.ones_like(mask), dim=1) - 1.0).long()
    length = mask.sum(dim=1, keepdim=True).long()
    return torch.where(step < length, length - 1 - step, step)

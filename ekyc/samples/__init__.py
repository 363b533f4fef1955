"""Invented citizens with everything they would submit: card, chip, papers, face frames, and attacks on each.

For demonstrations and tests. Everything drawn here says MẪU or SPECIMEN, the issuer behind the chip is a simulated
one, and no picture made here is evidence of how a check does on real material.
"""

from ekyc.samples.attacks import ATTACKS, Attack, find_attack
from ekyc.samples.cards import photograph_card, render_card_back, render_card_front
from ekyc.samples.case import SampleCase, build_case, make_case
from ekyc.samples.citizen import SampleBirth, SampleCitizen, SampleParent, Sex, personal_number
from ekyc.samples.documents import alter, render_birth_certificate, scan_of
from ekyc.samples.faces import FacePicture, portrait_of, render_face_frames, render_screen_replay
from ekyc.samples.phone import answer_chip_authentication

__all__ = [
    "ATTACKS",
    "Attack",
    "FacePicture",
    "SampleBirth",
    "SampleCase",
    "SampleCitizen",
    "SampleParent",
    "Sex",
    "alter",
    "answer_chip_authentication",
    "build_case",
    "find_attack",
    "make_case",
    "personal_number",
    "photograph_card",
    "portrait_of",
    "render_birth_certificate",
    "render_card_back",
    "render_card_front",
    "render_face_frames",
    "render_screen_replay",
    "scan_of",
]

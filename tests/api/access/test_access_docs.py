"""What the documents say of access is so."""

from __future__ import annotations

import re

import pytest

from ekyc.api.access.configuration import load_access_settings
from ekyc.api.access.login_profiles import load_login_profile
from ekyc.api.access.permissions import table_as_markdown


def test_the_table_of_permissions_is_the_one_that_counts(repository_root):
    assert table_as_markdown() in (repository_root / "docs" / "security.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["vneid", "national-portal"])
def test_the_examples_of_providers_can_be_read(repository_root, name):
    profile = load_login_profile(repository_root / "docs" / "logins" / f"{name}.toml", {})
    assert profile.issuer.endswith(".example")


def test_the_example_of_a_configuration_can_be_read(repository_root, tmp_path):
    text = (repository_root / "docs" / "security.md").read_text("utf-8")
    example = re.search(r"```toml\n(schema = \"ekyc.access/1\".*?)```", text, re.DOTALL)
    (tmp_path / "access.toml").write_text(example[1])
    vneid = (repository_root / "docs" / "logins" / "vneid.toml").read_text("utf-8")
    (tmp_path / "vneid.toml").write_text(vneid)
    said = load_access_settings(tmp_path / "access.toml", {})
    assert said.proxy.tls
    assert said.no_agents == {"marriage-registration"}


def test_every_test_that_a_threat_names_is_there(repository_root):
    text = (repository_root / "docs" / "security.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/]+(?:\.py)?)`", text))
    assert len(named) > 20
    assert [one for one in sorted(named) if not (repository_root / one).exists()] == []

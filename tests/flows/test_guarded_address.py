"""Which addresses of strangers may be called: forms that two readers see differently, and numbers of our own network."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekyc.flows.guarded_address import is_loopback, is_public, parse_web_address

PLAIN = {
    "https://portal.example.vn": ("portal.example.vn", 443, "/"),
    "https://portal.example.vn/": ("portal.example.vn", 443, "/"),
    "https://PORTAL.Example.vn/a/B?c=D&e=%20": ("portal.example.vn", 443, "/a/B?c=D&e=%20"),
    "https://portal.example.vn:8443/x": ("portal.example.vn", 8443, "/x"),
    "https://portal.example.vn?x=1": ("portal.example.vn", 443, "/?x=1"),
    "https://xn--cng-hna.example.vn/": ("xn--cng-hna.example.vn", 443, "/"),
    "https://203.0.113.7/": ("203.0.113.7", 443, "/"),
    "https://[2001:DB8::1]:444/": ("2001:db8::1", 444, "/"),
    "http://127.0.0.1:8080/": ("127.0.0.1", 8080, "/"),
}


@pytest.mark.parametrize(("url", "expected"), PLAIN.items())
def test_a_plain_address_is_read(url, expected):
    address = parse_web_address(url)
    assert (address.host, address.port, address.target) == expected
    assert url not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "portal.example.vn",
        "//portal.example.vn/",
        "ftp://portal.example.vn/",
        "file:///etc/passwd",
        "gopher://portal.example.vn/",
        "HTTPS://portal.example.vn/",
        "https:portal.example.vn",
        "https:///portal.example.vn",
        # userinfo: the host that a person reads is not the host that is called
        "https://user@portal.example.vn/",
        "https://portal.example.vn@127.0.0.1/",
        "https://user:secret@portal.example.vn/",
        "https://portal.example.vn:443@127.0.0.1/",
        "https://@portal.example.vn/",
        # characters that readers treat differently
        "https://portal.example.vn\\@127.0.0.1/",
        "https:\\\\portal.example.vn/",
        "https://portal.example.vn/\\..",
        "https://portal.example.vn/ a",
        " https://portal.example.vn/",
        "https://portal.example.vn/\n",
        "https://portal.example.vn/\r\nHost: x",
        "https://portal\t.example.vn/",
        "https://portal.example.vn/#part",
        "https://portal.example.vn#@127.0.0.1/",
        "https://portal.example.vn\x00.example.com/",
        "https://cổng.example.vn/",
        "https://portal。example.vn/",
        "https://①②⑦.0.0.1/",
        "https://portal%2eexample.vn/",
        "https://%31%32%37.0.0.1/",
        "https://portal.example.vn/%zz",
        "https://portal.example.vn/%",
        "https://portal.example.vn./",
        "https://portal..example.vn/",
        "https://-portal.example.vn/",
        "https://portal-.example.vn/",
        "https://por_tal.example.vn/",
        f"https://{'a' * 64}.example.vn/",
        f"https://{'a.' * 130}vn/",
        f"https://portal.example.vn/{'a' * 2000}",
        # numbers in place of a host, as inet_aton reads them
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1.1/",
        "https://127.0.0.01/",
        "https://127.0.0.0x1/",
        "https://256.0.0.1/",
        "https://1.1.1.1.0x/",
        "https://portal.example.123/",
        "https://portal.0x/",
        # ports
        "https://portal.example.vn:/",
        "https://portal.example.vn:0/",
        "https://portal.example.vn:0443/",
        "https://portal.example.vn:65536/",
        "https://portal.example.vn:99999/",
        "https://portal.example.vn:443:443/",
        "https://portal.example.vn:4 43/",
        # IPv6
        "https://[::1/",
        "https://::1/",
        "https://[fe80::1%eth0]/",
        "https://[fe80::1%25eth0]/",
        "https://[1::2::3]/",
        "https://[127.0.0.1]/",
        "https://[portal.example.vn]/",
        "https://[v1.x]/",
        "https://[]/",
        "https://[::1]x/",
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(url):
    assert parse_web_address(url) is None


@given(st.text(max_size=60).map(lambda tail: f"https://portal.example.vn{tail}") | st.text())
def test_whatever_is_read_is_read_alike_by_the_standard_library(url):
    address = parse_web_address(url)
    if address is None:
        return
    theirs = urlsplit(url)
    assert (theirs.hostname, theirs.port or 443) == (address.host, address.port)
    assert theirs.username is None
    assert theirs.password is None
    assert not theirs.fragment


def embedded(prefix, four):
    """An IPv6 address with an IPv4 address in its last 32 bits."""
    return str(
        ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(ipaddress.IPv4Address(four)))
    )


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "103.9.0.1",
        "8.8.8.8",
        "2400:cb00::1",
        "2606:4700::1111",
        embedded("64:ff9b::", "1.1.1.1"),
    ],
)
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.9", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:1.1.1.1", "::ffff:0:127.0.0.1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254",
        "ff02::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2001:10::1", "2002:7f00:1::1", "2002:0101:0101::1",
        "3fff::1", "5f00::1", "100::1", "64:ff9b:1::1.1.1.1", "4000::1",
        embedded("64:ff9b::", "127.0.0.1"), embedded("64:ff9b::", "169.254.169.254"), embedded("64:ff9b::", "10.1.2.3"),
        "2400:cb00::5efe:10.0.0.1", "2400:cb00::200:5efe:10.0.0.1",
        "2606:4700::1111%eth0", "2606:4700::1111%0",
        "", "localhost", "127.1", "2130706433", "0x7f000001", "127.0.0.01", "1.1.1.1 ", "[::1]", "1.1.1.1:443",
    ],
)  # fmt: skip
def test_anything_else_is_not(address):
    assert not is_public(address)


@given(st.ip_addresses())
def test_nothing_is_public_that_the_registries_keep_apart(address):
    apart = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_unspecified")
    if is_public(str(address)):
        assert address.is_global
        assert not any(getattr(address, one) for one in apart)
        assert not address.is_reserved or address in ipaddress.ip_network("64:ff9b::/96")


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_never_more_public_than_what_is_in_it(four):
    wrapped = [
        embedded("::ffff:0:0", four), embedded("::", four), embedded("64:ff9b::", four),
        embedded("64:ff9b:1::", four), str(ipaddress.IPv6Address(0x2002 << 112 | int(four) << 80)),
    ]  # fmt: skip
    for one in wrapped:
        assert not is_public(one) or is_public(str(four))


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.53", "::1"])
def test_this_machine_is_known(address):
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", ["::ffff:127.0.0.1", "::1%lo", "10.0.0.1", "localhost", "0.0.0.0", "::"]
)
def test_this_machine_is_plainly_written(address):
    assert not is_loopback(address)

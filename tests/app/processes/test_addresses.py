"""The greeting names addresses that work from where it is read."""

import socket

import pytest

from app.processes.addresses import IN_CONTAINER, UNREACHABLE, Address, elsewhere, nearby


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("192.0.2.7", 80), "192.0.2.7:80"),
        (("0.0.0.0", 80), "127.0.0.1:80"),
        (("::", 80, 0, 0), "[::1]:80"),
        (("2001:db8::5", 80, 0, 0), "[2001:db8::5]:80"),
    ],
)
def test_the_address_nearby_is_one_that_can_be_opened(name: Address, address: str) -> None:
    assert nearby(name) == address


@pytest.mark.parametrize(
    ("name", "names", "in_container", "lines"),
    [
        (("127.0.0.1", 80), [], False, []),
        (("127.0.0.1", 80), [], True, [UNREACHABLE]),
        (("0.0.0.0", 80), [], True, [IN_CONTAINER]),
        (("192.0.2.7", 80), ["*"], False, []),
        (
            ("192.0.2.7", 80),
            ["loom.example"],
            False,
            ["http://loom.example:80/, or behind a proxy https://loom.example/"],
        ),
    ],
)
def test_others_are_told_what_they_can_use(
    name: Address, names: list[str], in_container: bool, lines: list[str]
) -> None:
    assert elsewhere(name, names, in_container=in_container) == lines


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_who_listens_everywhere_names_the_machine(host: str) -> None:
    lines = elsewhere((host, 80), [], in_container=False)
    assert lines[0] == f"http://{socket.gethostname()}:80/"
    assert all(host not in line.split("//")[1].split(":80/")[0].split() for line in lines)

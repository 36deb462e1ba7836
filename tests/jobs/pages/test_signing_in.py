"""The door for people: one sentence for every fault, and whoever sends many wrong passwords waits."""

import ipaddress
import logging
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from jobs.views.signing_in import address_of

LOGIN = reverse("admin:login")
RIGHT, WRONG = "a-right-password", "my-other-password"


@pytest.fixture
def anna(db: None, settings: Any) -> User:
    settings.AXES_FAILURE_LIMIT = 3
    return User.objects.create_user("anna", password=RIGHT, is_staff=True)


def enter(password: str, *, name: str = "anna", address: str = "192.0.2.1", **headers: str) -> Any:
    sent = {"username": name, "password": password, "next": "/audit?by=user"}
    return Client(REMOTE_ADDR=address, headers=headers).post(LOGIN, sent)


def test_whoever_knows_the_password_comes_to_where_they_wanted(anna: User) -> None:
    answer = enter(RIGHT)

    assert (answer.status_code, answer["Location"]) == (302, "/audit?by=user")


def test_the_page_says_where_it_leads(client: Client, db: None) -> None:
    page = client.get("/audit?by=user", follow=True)

    assert "You will return to" in page.text
    assert "/audit?by=user" in page.text


def test_a_wrong_password_an_unknown_name_and_a_stranger_to_the_staff_are_told_alike(anna: User) -> None:
    User.objects.create_user("ben", password=RIGHT)
    told = [enter(WRONG).text, enter(WRONG, name="nobody").text, enter(RIGHT, name="ben").text]

    assert all("Name and password do not match" in page for page in told)
    assert len({page.partition('id="wrong"')[2].partition("</div>")[0] for page in told}) == 1


def test_after_some_wrong_ones_even_the_right_one_must_wait_and_the_page_says_how_long(anna: User) -> None:
    answers = [enter(WRONG).status_code for _ in range(3)]
    locked = enter(RIGHT)

    assert answers == [200, 200, 429]
    assert locked.status_code == 429
    assert "Log in again in 14m 5" in locked.text or "Log in again in 15m 00s" in locked.text
    assert 890 <= int(locked["Retry-After"]) <= 900
    assert "next=/audit%3Fby%3Duser" in locked.text


def test_a_name_that_is_nobodys_is_locked_just_the_same(anna: User) -> None:
    assert [enter(WRONG, name="nobody").status_code for _ in range(4)] == [200, 200, 429, 429]


def test_only_that_name_from_that_address_waits(anna: User) -> None:
    User.objects.create_user("ben", password=RIGHT, is_staff=True)
    for _ in range(3):
        enter(WRONG)

    assert enter(RIGHT, address="192.0.2.2").status_code == 302
    assert enter(RIGHT, name="ben").status_code == 302


def test_another_browser_at_the_address_is_counted_with_it(anna: User) -> None:
    for number in range(3):
        enter(WRONG, **{"User-Agent": f"browser {number}"})

    assert enter(RIGHT).status_code == 429


def test_when_the_time_is_over_it_is_open_again_and_what_was_counted_is_forgotten(anna: User, sql: Any) -> None:
    for _ in range(4):
        enter(WRONG)
    sql("update axes_accessattempt set attempt_time = attempt_time - interval '16 minutes'")

    assert enter(RIGHT).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_a_try_while_it_is_locked_does_not_make_it_longer(anna: User, sql: Any) -> None:
    for _ in range(3):
        enter(WRONG)
    sql("update axes_accessattempt set attempt_time = attempt_time - interval '14 minutes'")
    locked = enter(WRONG)

    assert int(locked["Retry-After"]) <= 60


def test_the_right_one_clears_the_count(anna: User) -> None:
    for password in (WRONG, WRONG, RIGHT, WRONG):
        answer = enter(password)

    assert answer.status_code == 200


def test_no_password_is_kept_or_logged(anna: User, caplog: pytest.LogCaptureFixture, sql: Any) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            enter(WRONG)

    assert WRONG not in caplog.text
    assert WRONG not in str(sql("select * from axes_accessattempt"))


@pytest.mark.parametrize(
    ("connection", "forwarded", "address"),
    [
        ("203.0.113.9", "192.0.2.7", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::"),
        ("", "", None),
    ],
)
def test_addresses_are_told_apart_behind_trusted_proxies_only(
    rf: Any, settings: Any, connection: str, forwarded: str, address: str | None
) -> None:
    settings.TRUSTED_PROXIES = [ipaddress.ip_network("10.0.0.0/8")]

    assert address_of(rf.get("/", REMOTE_ADDR=connection, HTTP_X_FORWARDED_FOR=forwarded)) == address

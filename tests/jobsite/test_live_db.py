"""The databases that tests with processes of their own get."""

import subprocess
import sys
import threading

import psycopg
import pytest
from django.db import connection


def names_of_users() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT username FROM auth_user")
        return [name for (name,) in cursor.fetchall()]


def add_user(url: str, name: str) -> None:
    with psycopg.connect(url) as other:
        other.execute(
            "INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined)"
            " VALUES (%s, '', false, '', '', '', false, true, now())",
            [name],
        )


@pytest.mark.parametrize("name", ["anna", "boris"])
def test_a_live_db_begins_migrated_and_empty_each_time(live_db: str, name: str) -> None:
    add_user(live_db, name)

    assert names_of_users() == [name]


def test_threads_of_the_test_process_use_the_live_db_too(live_db: str) -> None:
    add_user(live_db, "clara")
    seen: list[str] = []

    def look() -> None:
        from django.db import connection

        seen.extend(names_of_users())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == ["clara"]


def test_a_child_process_finds_the_live_db_in_its_environment(live_db: str) -> None:
    add_user(live_db, "dora")
    script = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT username FROM auth_user').fetchall())"

    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "dora" in child.stdout


@pytest.mark.django_db
def test_nothing_of_a_live_db_is_left_for_ordinary_tests() -> None:
    assert names_of_users() == []

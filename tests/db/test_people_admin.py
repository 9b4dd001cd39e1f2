"""People and roles in the admin: nobody gives more than they have, and a schedule takes only what a sync can do."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from mapping.models import Document
from ordersite import roles
from tests.db.admin_line import PASSWORD, opened_line, person, signed_in
from tests.world import World


@pytest.fixture
def people(db: None) -> User:
    roles.establish(Group, Permission)
    return User.objects.create_superuser("root", password=PASSWORD)


def form_of(client: Client, address: str) -> dict[str, Any]:
    """What the page's form would send as it stands."""
    form = client.get(address).context["adminform"].form
    fields = {name: form[name].value() for name in form.fields}
    given = {name: value for name, value in fields.items() if value not in (None, False)}
    joined = given.pop("date_joined", None)
    if joined is not None:
        given |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
    return given


def test_an_administrator_makes_nobody_a_superuser_and_gives_no_right_it_has_not(people: User) -> None:
    client, me = signed_in("administrator"), person("administrator")
    address = f"/auth/user/{me.pk}/change/"
    beyond = Permission.objects.get(codename="delete_logentry")
    sent = {**form_of(client, address), "is_superuser": "on"}
    assert client.post(address, sent).status_code == 302
    me = User.objects.get(pk=me.pk)
    assert not me.is_superuser and me.groups.get().name == "administrator"
    assert client.post(address, {**sent, "user_permissions": [beyond.pk]}).status_code == 200
    assert not me.user_permissions.exists()
    grown = Group.objects.create(name="grown")
    grown.permissions.add(beyond)
    client.post(address, {**sent, "groups": [grown.pk]})
    assert me.groups.get().name == "administrator"
    other = f"/auth/user/{person('viewer').pk}/change/"
    assert client.post(other, {**form_of(client, other), "groups": [grown.pk]}).status_code == 200
    role = f"/auth/group/{Group.objects.get(name='viewer').pk}/change/"
    assert client.post(role, {"name": "viewer", "permissions": [beyond.pk]}).status_code == 200
    assert client.post(f"/auth/group/{grown.pk}/change/", {"name": "mine"}).status_code == 403


def test_an_administrator_edits_no_superuser_nor_its_password_and_deletes_none(people: User) -> None:
    client = signed_in("administrator")
    for place, sent in (
        ("change/", {"username": "mine"}),
        ("password/", {"password1": "another-long-one-2", "password2": "another-long-one-2"}),
        ("delete/", {"post": "yes"}),
    ):
        assert client.post(f"/auth/user/{people.pk}/{place}", sent).status_code == 403
    sent = {"action": "delete_selected", "_selected_action": [people.pk], "post": "yes"}
    client.post("/auth/user/", sent)
    people.refresh_from_db()
    assert people.check_password(PASSWORD) and people.username == "root"


def test_a_superuser_may_make_another_one(people: User) -> None:
    client = Client()
    client.force_login(people)
    other = person("viewer")
    address = f"/auth/user/{other.pk}/change/"
    assert client.post(address, {**form_of(client, address), "is_superuser": "on"}).status_code == 302
    other.refresh_from_db()
    assert other.is_superuser


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("limit=-5", "limit=-5 is no number of orders. Remedy:"),
        ("limit=0", "limit=0 is no number of orders. Remedy:"),
        ("limit=99999999999", "is no number of orders. Remedy:"),
        ("customer='NOBODY KNOWN'", "No customer is called &#x27;NOBODY KNOWN&#x27;. Remedy:"),
        ("customer='a\\x00b'", "holds a character that no text may hold"),
        ("customer='a\x00b'", "Null characters are not allowed"),
        ("board='no such board'", "No board is called"),
        ("limit=" + "-" * 490 + "1", "Write name=value"),
        ("**{}", "is not known"),
    ],
)
def test_a_schedule_takes_no_words_that_no_sync_could_be_started_with(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, words: str, sentence: str
) -> None:
    opened_line(world, settings, monkeypatch)
    sent = {"name": "x", "func": "staging.jobs.start", "kwargs": words, "schedule_type": "I", "minutes": "5"}
    sent |= {"repeats": "-1", "next_run_0": "2027-01-01", "next_run_1": "06:00:00"}
    client = signed_in("administrator")
    answer = client.post("/django_q/schedule/add/", sent)
    assert answer.status_code == 200 and sentence in answer.content.decode()
    other = client.post("/django_q/schedule/add/", {**sent, "func": "staging.jobs.sweep", "kwargs": "limit=5"})
    assert "Sweep takes no words." in other.content.decode()
    assert client.post("/django_q/schedule/add/", {**sent, "kwargs": "customer='HARBOUR', limit=5"}).status_code == 302


def test_a_new_document_is_not_published_over_an_existing_one(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = opened_line(world, settings, monkeypatch)
    line.add(1)
    line.sync()
    document = Document.objects.get(customer__name="HARBOUR")
    before = list(document.versions.values_list("number", "state"))
    text = "version: 1\ncustomer: HARBOUR\naliases: []\n"
    answer = signed_in("administrator").post("/mapping/document/new/", {"text": text})
    page = answer.content.decode()
    assert "there is the document customer HARBOUR already" in page and "customer: HARBOUR" in page
    assert list(document.versions.values_list("number", "state")) == before


def test_nobody_locks_themselves_out_and_the_four_roles_stay(people: User) -> None:
    client, me = signed_in("administrator"), person("administrator")
    address = f"/auth/user/{me.pk}/change/"
    sent = {name: value for name, value in form_of(client, address).items() if name not in ("is_active", "is_staff")}
    client.post(address, {**sent, "groups": []})
    me.refresh_from_db()
    assert me.is_active and me.is_staff and me.groups.exists()
    assert client.post(f"/auth/user/{me.pk}/delete/", {"post": "yes"}).status_code == 403
    text = client.get(f"/auth/user/{me.pk}/delete/").content.decode()
    assert "Nobody deletes their own account" in text and "Your role may not" not in text
    viewer = person("viewer")
    assert "Your role may not" in signed_in("viewer").get(f"/auth/user/{viewer.pk}/delete/").content.decode()
    for role in roles.ROLES:
        pk = Group.objects.get(name=role).pk
        assert client.post(f"/auth/group/{pk}/delete/", {"post": "yes"}).status_code == 403
        client.post("/auth/group/", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert Group.objects.filter(name__in=roles.ROLES).count() == 4
    assert User.objects.filter(pk=me.pk).exists()


def test_somebody_new_may_sign_in_and_sees_nothing_before_a_role_is_given(people: User) -> None:
    client = signed_in("administrator")
    password = "a-very-long-password-3"
    client.post(
        "/auth/user/add/", {"username": "nina", "usable_password": "true", "password1": password, "password2": password}
    )
    nina = Client()
    nina.post("/login/", {"username": "nina", "password": password})
    page = nina.get("/")
    assert page.status_code == 200 and "Your account has no role yet" in page.content.decode()


def test_the_name_that_the_audit_knows_somebody_by_is_not_changed_by_an_administrator(people: User) -> None:
    client = signed_in("administrator")
    for name in ("administrator", "approver"):
        address = f"/auth/user/{person(name).pk}/change/"
        assert client.post(address, {**form_of(client, address), "username": "ben"}).status_code == 302
    assert not User.objects.filter(username="ben").exists()
    root = Client()
    root.force_login(people)
    address = f"/auth/user/{person('viewer').pk}/change/"
    assert root.post(address, {**form_of(root, address), "username": "ben"}).status_code == 302
    assert User.objects.filter(username="ben").exists()


@pytest.mark.parametrize("number", ["9" * 30, "-" + "9" * 30, "\x00", "x"])
def test_a_right_that_is_none_is_refused_on_the_page(people: User, number: str) -> None:
    root = Client()
    root.force_login(people)
    assert root.post("/auth/group/add/", {"name": "mine", "permissions": [number]}).status_code == 200
    address = f"/auth/user/{person('viewer').pk}/change/"
    for field in ("groups", "user_permissions"):
        assert root.post(address, {**form_of(root, address), field: [number]}).status_code == 200
    assert not Group.objects.filter(name="mine").exists()


def test_many_at_once_are_held_to_the_same(people: User) -> None:
    client, me = signed_in("administrator"), person("administrator")
    for pk in (people.pk, me.pk):
        sent = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        client.post("/auth/user/", sent)
    assert User.objects.filter(pk__in=[people.pk, me.pk]).count() == 2
    client.post("/auth/group/", {"action": "delete_selected", "_selected_action": [me.groups.get().pk], "post": "yes"})
    assert me.groups.exists()

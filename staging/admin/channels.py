"""Notification channels: who is told of what, tried by a button; and the log of every message."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from monday.screens import Listed, ReadOnly, moment, pill
from staging.core.events import MEANING
from staging.delivery_jobs import trial
from staging.models import Channel, Delivery
from staging.models.notice import Passage, Way
from staging.notices import webhook

TONES = {"sent": "good", "failed": "bad", "waiting": "wait", "collected": "wait", "sending": "busy"}
OFF = "Switched off, nothing is sent through it. One that was used cannot be deleted, as its messages are kept."
KEPT = "Nothing is shown of what is kept. Leave it empty to keep it."


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A channel. What is secret is never shown again: an empty field keeps it."""

    address = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 60}),
        help_text="The webhook's https:// address; for e-mail the addresses, with commas.",
    )
    secret = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 60}),
        label="Signing secret",
        help_text="For a plain webhook: X-Ordersite-Signature is t=seconds,v1=HMAC-SHA256 of seconds, a dot and the "
        "body. Keep it to yourself and the receiver.",
    )
    events = forms.MultipleChoiceField(
        choices=[(str(event), words) for event, words in MEANING.items()],
        widget=forms.CheckboxSelectMultiple,
        label="Tell of",
    )
    digest = forms.BooleanField(
        required=False, label="Collect, and send one message a day", help_text="Else each leaves at once."
    )

    class Meta:
        model = Channel
        fields = ("name", "kind", "address", "secret", "events", "digest", "active")
        help_texts: ClassVar = {"active": OFF}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("address", "secret"):
                self.initial.pop(name, None)
                self.fields[name].help_text = f"{self.fields[name].help_text} {KEPT}"

    def clean_name(self) -> str:
        return " ".join(str(self.cleaned_data["name"]).split())

    def clean_address(self) -> str:
        given = str(self.cleaned_data["address"]).strip()
        if not given and not self.instance.pk:
            raise ValidationError("A channel needs an address. Remedy: enter it.")
        return given or Channel.objects.get(pk=self.instance.pk).address

    def clean_secret(self) -> str:
        given = str(self.cleaned_data["secret"]).strip()
        return given or (Channel.objects.get(pk=self.instance.pk).secret if self.instance.pk else "")

    def clean(self) -> dict[str, Any]:
        """An address of the kind that was chosen; also where only the kind has changed."""
        given = super().clean() or self.cleaned_data
        address = given.get("address", "")
        if not address or "kind" not in given:
            return given
        if given["kind"] != Way.EMAIL:
            if sentence := webhook.wrong(address):
                self.add_error("address", sentence)
            return given
        for one in _addresses(address):
            try:
                validate_email(one)
            except ValidationError:
                self.add_error("address", "That is no list of mail addresses. Remedy: anna@example.com, ben@...")
                break
        return given


def _addresses(given: str) -> list[str]:
    """The mail addresses of a channel, however they were parted."""
    return given.replace(",", " ").split()


@admin.register(Channel)
class ChannelAdmin(Listed):
    called = "Notifications"
    form = ChannelForm
    change_form_template = "staging/admin/channel.html"
    change_list_template = "staging/admin/channels.html"
    list_display = ("name", "kind", "masked", "told", "when", "active", "last")
    search_fields = ("name",)
    ordering = ("name", "id")

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        """Only a channel that was never used: what was sent through another stays in the log of messages."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.deliveries.exists())

    def get_urls(self) -> list[URLPattern]:
        """With the test."""
        view = self.admin_site.admin_view(self.test)
        return [path("<int:pk>/test/", view, name="staging_channel_test"), *super().get_urls()]

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send a test message, by POST. 403 without the right to change channels."""
        if not request.user.has_perm("staging.change_channel"):
            raise PermissionDenied
        channel = Channel.objects.filter(pk=pk).first()
        if channel is None:
            raise Http404(f"There is no channel {pk}.")
        if request.method != "POST":
            return HttpResponseRedirect(reverse("admin:staging_channel_change", args=[pk]))
        trial(channel, actor=request.user.get_username())
        messages.success(request, "A test message is on its way. This list shows what comes of it; load it again.")
        return HttpResponseRedirect(f"{reverse('admin:staging_delivery_changelist')}?channel__id__exact={pk}")

    @admin.display(description="To")
    def masked(self, channel: Channel) -> str:
        """Where it goes, without what is secret in it."""
        if channel.kind == Way.EMAIL:
            return ", ".join(f"{one[:1]}...@{one.partition('@')[2]}" for one in _addresses(channel.address)[:3])
        return f"{urlsplit(channel.address).hostname}/..."

    @admin.display(description="Told of")
    def told(self, channel: Channel) -> str:
        return ", ".join(MEANING[event].partition(":")[0].lower() for event in MEANING if event in channel.events)

    @admin.display(description="When")
    def when(self, channel: Channel) -> str:
        return "once a day" if channel.digest else "at once"

    @admin.display(description="Last message")
    def last(self, channel: Channel) -> SafeString:
        delivery = channel.deliveries.order_by("-id").first()
        return pill("off", "None yet") if delivery is None else _pill(delivery)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    called, one = "Messages sent", "Message"
    list_display = ("what", "where", "pill", "attempts", "outcome", "when")
    list_filter = ("state", "channel")
    list_select_related = ("notice", "channel")
    exported = ("id", "what", "where", "state", "attempts", "outcome", "due_at", "began_at", "ended_at")
    fields = readonly_fields = (
        "what",
        "text",
        "where",
        "pill",
        "attempts",
        "outcome",
        "due_at",
        "began_at",
        "ended_at",
    )
    ordering = ("-id",)

    @admin.display(description="Message", ordering="notice__title")
    def what(self, delivery: Delivery) -> str:
        return delivery.notice.title

    @admin.display(description="Text")
    def text(self, delivery: Delivery) -> str:
        return "\n".join(delivery.notice.news["lines"])

    @admin.display(description="To", ordering="channel__name")
    def where(self, delivery: Delivery) -> str:
        return delivery.channel.name if delivery.channel else ", ".join(delivery.recipients)

    @admin.display(description="State", ordering="state")
    def pill(self, delivery: Delivery) -> SafeString:
        return _pill(delivery)

    @admin.display(description="Last try", ordering="began_at")
    def when(self, delivery: Delivery) -> SafeString:
        return moment(delivery.began_at)


def _pill(delivery: Delivery) -> SafeString:
    return pill(TONES[delivery.state], Passage(delivery.state).label)

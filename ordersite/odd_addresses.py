"""Addresses that people and scanners make up: a query that no database can answer is refused in one sentence.

Django's lists take any field of their model as a filter, and a value is found unusable only while the query runs: a
year that is none, a number that fits no column, a character that no text may hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.utils.text import smart_split

UNUSABLE = (OverflowError, ValueError, TypeError, DataError, FieldError, FieldDoesNotExist, ValidationError)
NO_KEY = re.compile(r"[0-9]{19}")  # a number that fits no column
MOST_WORDS = 100  # of a search: each becomes a condition, and databases end at a thousand or take minutes
TOO_MANY = f"A search takes up to {MOST_WORDS} words. Remedy: search for fewer of them at a time."
SENTENCE = "The address cannot be read. Remedy: open the page anew, and filter it by its own links."
log = structlog.get_logger(__name__)


def answered(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, with status 400 and a sentence where its query string holds what cannot be asked for.

    A mistake of the program looks the same on a page with a query, so it is logged with its trace. Without a query
    and for a POST nothing is caught; only an address with a character that no text may hold, or a search for more words
    than a database compares, is refused before.
    """

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = (word for name, words in request.GET.lists() for word in (name, *words))
        if any("\x00" in word for word in (request.path, *asked)):
            return refusal(request, SENTENCE)
        if any(len([*smart_split(words)]) > MOST_WORDS for words in request.GET.getlist(SEARCH_VAR)):
            return refusal(request, TOO_MANY)
        odd = request.GET or NO_KEY.search(request.path)
        if request.method not in ("GET", "HEAD") or not odd:
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]
        try:
            response: HttpResponseBase = view(request, *args, **kwargs)
            # Lists ask the database only while they are drawn.
            return response.render() if isinstance(response, SimpleTemplateResponse) else response
        except UNUSABLE:
            log.warning("an address could not be read", path=request.path, exc_info=True)
            return refusal(request, SENTENCE)

    return inner


def refusal(request: HttpRequest, sentence: str) -> HttpResponse:
    """A page with one sentence, and the way on."""
    context = {**admin.site.each_context(request), "title": "This cannot be shown", "sentence": sentence}
    return render(request, "monday/refused.html", context, status=400)

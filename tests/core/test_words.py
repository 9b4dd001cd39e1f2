"""How reasons are counted: those of a column that differ by a number alone are one."""

from __future__ import annotations

from staging.core.words import alike


def test_reasons_that_differ_by_a_number_alone_are_one_and_a_single_one_stays_as_it_is() -> None:
    reasons = [
        ("TOTAL", "is 9, and the sizes add up to 3", 1),
        ("TOTAL", "is 1,200, and the sizes add up to -7", 2),
        ("10", "is negative", 1),
        ("12", "is negative", 1),
        ("PRICE", "is no number", 4),
        ("CUSTOMER", "Nobody claims the name 'X 1'.", 1),
        ("CUSTOMER", "Nobody claims the name 'X 2'.", 1),
        ("", "2 rows share one key.", 2),
    ]
    assert alike(reasons) == [
        ("PRICE: is no number", 4),
        ("TOTAL: is ..., and the sizes add up to ...", 3),
        ("2 rows share one key.", 2),
        ("10: is negative", 1),
        ("12: is negative", 1),
        ("CUSTOMER: Nobody claims the name 'X 1'.", 1),
        ("CUSTOMER: Nobody claims the name 'X 2'.", 1),
    ]

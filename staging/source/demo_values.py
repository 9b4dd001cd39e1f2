"""What the demo orders are made of: invented customers, products, prices. Every raw spelling of a customer stands here.

The names must resolve through the shipped customer documents, `UNKNOWN` ones excepted (a test checks both).
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from .demo_columns import NAMES, SIZES

# Raw spelling in the order table -> share of the orders. Some customers have several spellings.
CUSTOMERS: Final[dict[str, int]] = {
    "HARBOUR (AU)": 14,
    "HARBOUR (US)": 8,
    "harbour (au) ": 1,
    "B'HOOD": 12,
    "WHITE|FOX": 10,
    "White|Fox Online": 2,
    "云端服饰": 7,
    "云端服饰（上海）": 2,
    "FERN & TIDE [OUTLET]": 6,
    "JUNIPER LANE": 6,
    "MARLOW": 6,
    "MARLOW UK": 3,
    "NORDLYS ÅRHUS": 5,
    "OAKFIELD SCHOOLS": 4,
    "PINE & CO (NZ)": 5,
    "QUAY NINE": 4,
    "SALTBUSH CO.": 5,
}
UNKNOWN: Final = ("NORTHWIND & SONS (TRIAL)", "Café Süd", "TBA")

# Customers whose lines mostly repeat one order number, style and colour, each line with a record of its own.
REPEATING: Final = frozenset({"B'HOOD"})

COLOURS: Final = (
    "WASHED BLACK", "OPTIC WHITE", "NAVY", "ÉCRU", "SAGE", "TERRACOTTA", "ICE BLUE", "CHARCOAL MARLE", "ROSÉ", "OLIVE",
    "TAN", "CHERRY", "MIDNIGHT", "BONE", "LILAC", "COBALT", "RUST", "MOSS", "SAND/STONE", "DARK INDIGO",
)  # fmt: skip
GARMENTS: Final = (
    ("Tee", "TOPS", "KNIT"), ("Rib Tank", "TOPS", "KNIT"), ("Hoodie", "FLEECE", "KNIT"),
    ("Trackpant", "FLEECE", "KNIT"),
    ("Overshirt", "SHIRTS", "WOVEN"), ("Midi Dress", "DRESSES", "WOVEN"), ("Straight Jean", "DENIM", "DENIM"),
    ("Puffer Vest", "OUTERWEAR", "WOVEN"), ("Swim Short", "SWIM", "WOVEN"), ("Kids' Romper", "KIDS", "KNIT"),
)  # fmt: skip
SIZE_RUNS: Final[dict[str, tuple[str, ...]]] = {
    "TOPS": ("XS", "S", "M", "L", "XL", "XXL"),
    "FLEECE": ("S", "M", "L", "XL", "XXL", "3XL"),
    "SHIRTS": ("S", "M", "L", "XL"),
    "DRESSES": ("6", "8", "10", "12", "14", "16"),
    "DENIM": ("28", "30", "32", "34", "36", "30/32", "32/32"),
    "OUTERWEAR": ("S/M", "M/L", "L/XL"),
    "SWIM": ("XS", "S", "M", "L"),
    "KIDS": ("0-3M", "3-6M", "6-9M", "9-12M", "2T", "3T"),
}
ADJECTIVES: Final = ("Boxy", "Relaxed", "Slim", "Cropped", "Heavyweight", "Vintage", "Everyday", "Longline")
SEASONS: Final = ("SS26", "HS26", "AW26", "SS27")
DROPS: Final = ("DROP 1", "DROP 2", "DROP 3", "CAPSULE")
DESTINATIONS: Final = (
    ("AUSTRALIA", "SYDNEY DC", "SEA"), ("USA", "LOS ANGELES 3PL", "SEA"), ("UNITED KINGDOM", "DAVENTRY DC", "AIR"),
    ("CANADA", "VANCOUVER DC", "SEA"), ("NEW ZEALAND", "AUCKLAND DC", "AIR"), ("中国", "上海仓库", "ROAD"),
)  # fmt: skip
TERMS: Final = ("FOB", "DDP", "EXW", "CIF")
HS_CODES: Final = ("6109100010", "6110202010", "6205202015", "6204440010", "6203424015", "6211118000", "6111206070")
NOTES: Final = (
    "Swing tags with the customer's barcode; hangers | no polybag.",
    "Top-of-production sample before shipping & photo of the carton marks.",
    "尺码标为中英文双语。",
    "Lab dip approved <12 Feb>, bulk must match \"OPTIC WHITE\".",
)  # fmt: skip

POSITION: Final = {name: position for position, name in enumerate(NAMES)}
SIZE_POSITION: Final = {size: POSITION[size] for size in SIZES}


@dataclass(frozen=True, slots=True)
class Product:
    """A style in one colour: the filled-in template of a row, and where its sizes stand in it."""

    row: tuple[object, ...]
    sizes: tuple[int, ...]


def products(random: Random, customer: str, number: int) -> list[Product]:
    """`number` products of one customer, all different in style or colour, in one row template each."""
    prefix = "".join(letter for letter in customer.upper() if letter.isascii() and letter.isalpha())[:3] or "CN"
    made = []
    for index in range(number):
        garment, category, fabric = random.choice(GARMENTS)
        style = f"{prefix}{1000 + index // 3}"
        colour = COLOURS[(index % 3) * 6 + index // 3 % 6]
        cells = _product_cells(random, style, colour, f"{random.choice(ADJECTIVES)} {garment}", category, fabric)
        row = tuple(cells.get(name) for name in NAMES)
        made.append(Product(row, tuple(SIZE_POSITION[size] for size in SIZE_RUNS[category])))
    return made


def _product_cells(
    random: Random, style: str, colour: str, description: str, category: str, fabric: str
) -> dict[str, object]:
    alias = f"{style}-{colour[:3]}"
    return {
        "RANGE / COLLECTION": random.choice(("CORE", "RESORT", "STUDIO | 24/7")),
        "PROMO GROUP / CAMPAIGN (HOT 30/GLOBAL EDIT": random.choice(("HOT 30", "GLOBAL EDIT", None)),
        "CATEGORY": category,
        "PATTERN ID": f"P{random.randrange(10_000, 99_999)}",
        "MAKE OR BUY": "BUY",
        "PLANNER": random.choice(("PLANNER A", "PLANNER B")),
        "ORIGINAL ALIAS/RELATED ITEM": alias,
        "PRICING ALIAS/RELATED ITEM": alias,
        "ALIAS/RELATED ITEM": alias,
        "CUSTOMER STYLE": style,
        "CUSTOMER'S COLOUR CODE (CUSTOM FIELD) CUSTOMER PROVIDES THIS": f"C{random.randrange(100, 999)}",
        "ACTIVE": "Y",
        "FACILITY CODE": "F01",
        "AAG SEASON CODE": "26",
        "INFOR MAKE/BUY CODE": "2",
        "ITEM TYPE CODE": "FG",
        "INFOR ITEM TYPE CODE": "FG",
        "PRODUCT GROUP CODE": category[:3],
        "MAKE/BUY CODE": "B",
        "INFOR PRODUCT GROUP CODE": category[:3],
        "STYLE DESCRIPTION": description,
        "GENDER GROUP CODE": random.choice(("W", "M", "U")),
        "FABRIC TYPE CODE": fabric,
        "INFOR FABRIC TYPE CODE": fabric[:1],
        "CUSTOMER COLOUR DESCRIPTION": colour,
        "UNIT OF MEASURE": random.choice(("PCS", "PCS", "PCS", "SET")),
        "INFOR COLOUR CODE": f"{random.randrange(1, 400):03d}",
        "DELIVERY TERMS": random.choice(TERMS),
        "HS CODE": random.choice(HS_CODES),
        "FINAL PRICES Y/N": random.choice("YYYN"),
        "VALIDATION": "OK",
        "BUAR (BUSINESS AREA UNIT)": "APPAREL",
        "ORTP (ORDER TYPE)": "A1",
        **_prices(random),
    }


def _prices(random: Random) -> dict[str, object]:
    """Prices as people type them: plain, with a dollar sign, with thousands; `NOTES FOR PRICE` may be empty."""
    fob = random.randrange(450, 6_000) / 100
    sample = random.randrange(10, 160_000) / 100
    return {
        "CUSTOMER PRICE": random.choice((f"{fob * 1.4:.2f}", f"${fob * 1.4:.2f}", f"{fob * 1.4:.3f}0")),
        "USA ONLY LSTP 75% EX WORKS": f"{fob * 0.75:.2f}",
        "EX WORKS (USD)": f"${fob:,.2f}",
        "ADMINISTRATION FEE": random.choice(("0.35", "", None)),
        "DESIGN FEE": random.choice(("0.20", None)),
        "FX CHARGE": "0.05",
        "HANDLING": random.choice(("INCLUDED", "0.10 / pc", None)),
        "SURCHARGE FEE": random.choice(("0", "1.25", None)),
        "DISCOUNT": random.choice((None, "0.50")),
        "FINAL FOB (USD)": f"{fob + 0.6:.2f}",
        "US DUTY RATE": random.choice(("0.165", "0.32", "0.16")),
        "US DUTY": f"{fob * 0.165:.4f}",
        "FREIGHT": f"{random.randrange(20, 90) / 100:.2f}",
        "US TARIFF RATE": random.choice(("0.1", "TRUE", "0.19")),
        "US TARIFF": f"{fob * 0.1:.3f}",
        "DDP US (USD)": f"${fob * 1.3 + 0.6:,.2f}",
        "SMS PRICE USD": f"${sample:,.2f}",
        "NOTES FOR PRICE": random.choice((None, None, "price incl. trims", "held until 30/6")),
    }

"""How units are written, in every language: their spelling after a number -> the key of the language's data."""

from __future__ import annotations

_SAME = """
    km/h m/s mph kWh Wh MWh GWh J kJ MJ cal kcal N mW W kW MW GW hp V mV kV A mA Ah mAh VA kVA var Hz kHz MHz GHz
    Pa hPa kPa bar mbar psi inHg mmHg t kg g mg µg lb oz ppm ppb lx lm l dl cl ml m³ cm³ ft³ gal km² m² cm² ft² ha
    km m cm mm µm ft yd mi ms s min h d bit kbit Mbit Gbit B kB MB GB TB dB dBm rpm bpm tsp tbsp µA kvar kvarh GJ mmol
    µS mS PB nmi klx nm nF pF TW mWh TWh
    Mcal Gcal µV MV µs MPa cbar inH2O CCF MCF mm² in² yd² mi² EB varh kVAh kN mH µH MP dpi ppt lb-ft ft-lb
"""
_OTHER = {
    "°C": "celsius", "° C": "celsius", "°c": "celsius", "C": "celsius", "°F": "fahrenheit", "° F": "fahrenheit",
    "°f": "fahrenheit", "F": "fahrenheit", "K": "kelvin", "°K": "kelvin", "°": "degree", "%": "percent",
    "‰": "permille", "Ω": "ohm", "kΩ": "kohm", "MΩ": "Mohm", "kn": "knots", "kt": "knots",
    "kts": "knots", "L": "l", "mL": "ml", "dL": "dl",
    "cL": "cl", "ug": "µg", "um": "µm", "kph": "km/h", "kmh": "km/h", "Km/h": "km/h", "KM/H": "km/h", "kMh": "km/h",
    "Kwh": "kWh", "KWh": "kWh", "kwh": "kWh", "KW": "kW", "HZ": "Hz", "hz": "Hz", "mb": "mbar", "hpa": "hPa",
    "KB": "kB", "kb": "kbit", "Mb": "Mbit", "Gb": "Gbit", "Kbit": "kbit", "GBit": "Gbit", "MBit": "Mbit",
    "kBit": "kbit", "kbps": "kbit/s", "Kbps": "kbit/s", "Mbps": "Mbit/s", "mbps": "Mbit/s", "Gbps": "Gbit/s",
    "MBps": "MB/s", "KiB": "kB", "MiB": "MB", "GiB": "GB", "TiB": "TB", "lbs": "lb", "m2": "m²", "m3": "m³",
    "cm2": "cm²", "km2": "km²", "cm3": "cm³", "ft2": "ft²", "ft3": "ft³", "m^2": "m²", "m^3": "m³", "sqm": "m²",
    "hr": "h", "hrs": "h",
    "sec": "s", "secs": "s", "mins": "min", "RPM": "rpm", "dBA": "dB", "db": "dB", "DB": "dB", "Kg": "kg", "KG": "kg",
    "Km": "km", "KM": "km", "PSI": "psi", "VAr": "var", "Lux": "lx", "lux": "lx", "″": "in", "′": "ft", "mi/h": "mph",
    "PPM": "ppm", "days": "d", "day": "d", "month": "month", "mo": "month", "year": "year", "yr": "year",
    "BPM": "bpm", "MWH": "MWh", "mm2": "mm²", "mm^2": "mm²", "ft^2": "ft²", "ft^3": "ft³", "km^2": "km²", "cm^2": "cm²",
    "cm^3": "cm³", "ft·lb": "ft-lb", "ft⋅lb": "ft-lb", "lb·ft": "lb-ft", "N·m": "Nm", "N⋅m": "Nm",
    "MPH": "mph", "KPH": "km/h",
    "week": "week", "hour": "h", "minute": "min", "second": "s", "Liter": "l",
}  # fmt: skip
SPELLINGS = {**{unit: unit for unit in _SAME.split()}, **_OTHER}

ONLY_AFTER_SLASH = frozenset({"days", "day", "month", "year", "week", "hour", "minute", "second", "Liter"})
"""Spellings that are words; after a number they stay as they are."""

PER_UNITS = {
    **{unit: unit for unit in ("kWh", "MWh", "kg", "km", "m²", "m³", "GB")}, "кВт·ч": "kWh", "кВтч": "kWh", "м²": "m²",
    "м³": "m³", "кг": "kg", "км": "km",
}  # fmt: skip
"""Spellings of units that stand without an amount after a word for "per" -> the key of the language's data."""

TIME = {
    "d": "d",
    "h": "h",
    "hr": "h",
    "hrs": "h",
    "min": "min",
    "mins": "min",
    "m": "min",
    "s": "s",
    "sec": "s",
    "secs": "s",
}
"""Spellings of the parts of a duration."""

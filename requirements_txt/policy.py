"""What the operator permits of a requirements.txt: `download.requirements` of the chart. Pure."""

from __future__ import annotations

from requirements_txt.parsing import Package, RequirementsError, parse, refusal

ALLOW, HASHED, OFF = POLICIES = ("allow", "hashed", "off")
"""Packages with any versions, only with exact versions and hashes, or none."""

SETTING = "the operator has set download.requirements: "


def read(data: bytes, policy: str) -> list[Package]:
    """Return all packages of a requirements.txt.

    Raises:
        RequirementsError: the file is malformed, or says what the policy does not permit.

    """
    check_permitted(policy)
    packages = parse(data)
    if policy == HASHED:
        for item in packages:
            if not (item.hashes and item.is_exact):
                problem = f"an exact version and a --hash are needed ({SETTING}{HASHED}): write the file by pip-compile"
                raise refusal(item.line, f"{problem} --generate-hashes", item.name)
    return packages


def check_permitted(policy: str) -> None:
    """Raise RequirementsError if the policy permits no requirements.txt at all, whatever it says."""
    if policy == OFF:
        raise RequirementsError(
            f"requirements.txt is not permitted ({SETTING}{OFF}): remove it, and use the packages of the server"
        )

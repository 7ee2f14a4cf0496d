"""Kubernetes' MicroTime."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micro_time(microseconds: int) -> str:
    """`2026-11-25T01:00:00.000000Z`, of microseconds since 1970."""
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

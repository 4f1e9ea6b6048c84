"""Load by ``wrk``: as many requests as a server answers, and how long it takes."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .load import Outcome, apply_load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .load import Ask, Plan

_SCRIPT = """
local asks = {%s}
local formatted = {}
local function headers_of(ask)
  local headers = { Accept = ask.accept }
  if ask.etag then headers["If-None-Match"] = ask.etag end
  return headers
end
function init(_)
  math.randomseed(%d)
  for i, ask in ipairs(asks) do
    formatted[i] = wrk.format("GET", ask.path, headers_of(ask))
  end
end
function request()
  local i = math.random(#asks)
  local ask = asks[i]
  if not ask.from then return formatted[i] end
  local moment = os.date("!%%Y-%%m-%%dT%%H%%%%3A%%M%%%%3A%%SZ", math.random(ask.from, ask.to))
  return wrk.format("GET", ask.path .. "?versionTime=" .. moment, headers_of(ask))
end
function done(summary, latency, _)
  local e = summary.errors
  io.stderr:write(string.format(
    '{"requests":%%d,"micros":%%d,"lost":%%d,"refused":%%d,"p50":%%f,"p99":%%f,"most":%%f}',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.timeout, e.status,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
"""


def has_wrk() -> bool:
    """Whether it is installed."""
    return shutil.which("wrk") is not None


def saturate(plan: Plan) -> Outcome:
    """What came of a load without a rate. Without ``wrk``, our own generator takes its place."""
    if not has_wrk():
        return apply_load(plan)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(_SCRIPT % (",\n".join(map(_lua, plan.asks)), plan.seed), "utf-8")
        done = subprocess.run(
            [
                *("wrk", "--threads", "1", "--timeout", "120s", "--script", str(script)),
                *("--connections", str(plan.connections), "--duration", f"{plan.seconds:.0f}s"),
                f"http://127.0.0.1:{plan.port}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    told = json.loads(done.stderr)
    return Outcome(
        answered=told["requests"] - told["refused"],
        refused={},
        wrong=told["refused"],
        lost=told["lost"],
        seconds=told["micros"] / 1e6,
        p50=round(told["p50"], 3),
        p99=round(told["p99"], 3),
        most=round(told["most"], 3),
    )


def _lua(ask: Ask) -> str:
    fields: Sequence[tuple[str, object]] = (
        ("path", ask.path),
        ("accept", ask.accept),
        ("etag", ask.etag),
        *(zip(("from", "to"), ask.moments, strict=True) if ask.moments else ()),
    )
    return "{" + ", ".join(f"{k} = {json.dumps(v)}" for k, v in fields if v is not None) + "}"

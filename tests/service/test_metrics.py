"""Prometheus metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from ethr_did.service.health import NetworkHealth
from ethr_did.service.metrics import Metrics

if TYPE_CHECKING:
    from pathlib import Path

ROUTE = "/1.0/identifiers/{did}"


def samples(content: bytes) -> dict[tuple[str, ...], float]:
    """Values by name and labels; the labels in alphabetical order."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.0011, 20.0):
        metrics.note("GET", ROUTE, 200, seconds)
    metrics.note("GET", ROUTE, 404, 0.002)
    found = samples(metrics.render())
    assert found["ethr_did_request_seconds_count", "GET", ROUTE, "200"] == 4
    assert found["ethr_did_request_seconds_count", "GET", ROUTE, "404"] == 1
    assert found["ethr_did_request_seconds_sum", "GET", ROUTE, "200"] == 20.0026
    buckets = {
        key[1]: value
        for key, value in found.items()
        if key[0].endswith("_bucket") and key[-1] == "200"
    }
    assert (buckets["0.001"], buckets["0.0025"], buckets["10.0"], buckets["+Inf"]) == (2, 3, 3, 4)


def test_the_state_of_networks_is_told_where_it_is_known() -> None:
    networks = [
        NetworkHealth(name="dev", chain_id=1, head_age=12.0, index_lag=3),
        NetworkHealth(name="other", chain_id=2, faults=("down",)),
    ]
    found = samples(Metrics(round_trips=lambda: 7).render(networks))
    assert found["ethr_did_network_ready", "dev"] == 1
    assert found["ethr_did_network_ready", "other"] == 0
    assert found["ethr_did_head_age_seconds", "dev"] == 12.0
    assert found["ethr_did_index_lag_blocks", "dev"] == 3
    assert ("ethr_did_index_lag_blocks", "other") not in found
    assert found["ethr_did_node_round_trips_total",] == 7


def test_whichever_worker_is_asked_tells_the_sum_of_all(tmp_path: Path) -> None:
    here, gone = Metrics(tmp_path, lambda: 1), Metrics(tmp_path, lambda: 10)
    gone.note("GET", ROUTE, 200, 0.5)
    gone.write()
    (tmp_path / next(tmp_path.iterdir()).name).rename(tmp_path / "1.json")  # as of another process
    here.note("GET", ROUTE, 200, 0.25)
    here.write()
    found = samples(here.render())
    assert found["ethr_did_request_seconds_count", "GET", ROUTE, "200"] == 2
    assert found["ethr_did_request_seconds_sum", "GET", ROUTE, "200"] == 0.75
    assert found["ethr_did_node_round_trips_total",] == 11


async def test_the_folder_may_go_before_the_worker(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "gone")
    metrics.pause = 0.0
    await metrics.write_down()

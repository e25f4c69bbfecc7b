"""The conductor: asks for everything at the start, waits late, publishes each topic when it is known.

Runs in threads of the process that owns the run. A topic that cannot be had is failed with its reason,
so nobody ever waits for nothing; when all probing is done the clean-up starts at once, while tests still
judge.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dualstack.cluster.errors import ApiError
from dualstack.conduct import hosts, load_balancers, paths, pods
from dualstack.conduct.stage import Stage, Stopped
from dualstack.conduct.topics import LoadBalancers, Pods, Services, ServiceSeen
from dualstack.scenario import manifests
from dualstack.verdict.judge import CannotJudge

CREATE_AT_ONCE = 16


class Conductor:
    """One run's work on the cluster. `start` once, then `finish` once, whatever happened between."""

    def __init__(self, stage: Stage, not_ready: frozenset[str]) -> None:
        self.stage = stage
        self.crash: str | None = None
        """What went wrong in the conductor itself, if anything: the run is incomplete then."""
        self._not_ready = not_ready
        self._thread = threading.Thread(target=self._run, name="conductor", daemon=True)
        self._services: Future[Services] = Future()
        self._pods: Future[Pods] = Future()
        self._balancers: Future[LoadBalancers] = Future()
        self._left_behind: list[tuple[str, str | None, str]] | None = None
        self._removing = threading.Lock()

    def start(self) -> None:
        """Begin; returns at once. A plan that creates nothing fails every topic with its reason."""
        self._thread.start()

    def finish(self, *, early: bool) -> list[tuple[str, str | None, str]]:
        """Remove what was created and return what is left behind; with `early`, do not wait for probes."""
        if early:
            self.stage.stopping.set()
            self._thread.join(timeout=5)
        else:
            self._thread.join()
        return self._remove()

    def _run(self) -> None:
        if reason := self.stage.plan.creates_nothing:
            self.stage.board.fail_rest(f"this run creates nothing: {reason}")
            return
        try:
            self._create()
            with ThreadPoolExecutor(max_workers=len(self._work()), thread_name_prefix="conduct") as pool:
                for topics, work in self._work():
                    pool.submit(self._guard, topics, work)
        except ApiError as error:
            self.stage.board.fail_rest(str(error))
        except Stopped:
            pass
        except Exception as error:  # a mistake of ours: must be told, must not hang the tests
            self.crash = f"{type(error).__name__}: {error}"
        finally:
            self.stage.board.fail_rest(self.crash or "the run ended before this was known")
        if not self.stage.stopping.is_set():
            self._remove()

    def _work(self) -> list[tuple[tuple[str, ...], Callable[[], None]]]:
        return [
            (("pods",), self._await_pods),
            (("pod-networks",), self._look_into_pods),
            (("tcp", "ping"), self._probe_pods),
            (("cluster-ip",), self._probe_cluster_ips),
            (("canary",), self._probe_canary),
            (("load-balancers",), self._await_load_balancers),
            (("reach",), self._reach_load_balancers),
            (("proxies",), self._ask_proxies),
            (("cloud-configs",), self._read_cloud_configs),
        ]

    def _guard(self, topics: tuple[str, ...], work: Callable[[], None]) -> None:
        """Do a part of the work; whatever stops it, its topics are published or failed."""
        reason = "the run ended before this was known"
        try:
            work()
        except (ApiError, CannotJudge) as error:
            reason = str(error)
        except Stopped:
            pass
        except Exception as error:
            self.crash = reason = f"{type(error).__name__} in {', '.join(topics)}: {error}"
        for topic in topics:
            self.stage.board.fail(topic, reason)
        for future, topic in ((self._pods, "pods"), (self._balancers, "load-balancers")):
            if topic in topics and not future.done():
                future.set_exception(CannotJudge(reason))

    def _create(self) -> None:
        """Ask for everything, Services first: their rules take the longest."""
        stage = self.stage
        stage.owner.create_namespace(
            manifests.load("namespace")["metadata"]["labels"],
        )
        bodies = stage.plan.objects()
        seen: dict[str, ServiceSeen] = {}
        with ThreadPoolExecutor(CREATE_AT_ONCE) as pool:
            made = pool.map(self._create_one, bodies)
            for body, (answer, error) in zip(bodies, made, strict=True):
                name = body["metadata"]["name"]
                if error is not None:
                    stage.refused[name] = str(error)
                if body["kind"] == "Service":
                    seen[name] = ServiceSeen(
                        name=name,
                        asked=body["spec"],
                        spec=answer["spec"] if answer else None,
                        error=str(error) if error else None,
                        refused=bool(error and error.invalid),
                    )
        services = Services(services=seen)
        self._services.set_result(services)
        stage.board.publish("services", services)
        stage.milestone("created", f"{len(stage.owner.created)} objects asked for in {stage.owner.namespace}")

    def _create_one(self, body: dict[str, Any]) -> tuple[dict[str, Any] | None, ApiError | None]:
        if self.stage.stopping.is_set():
            raise Stopped
        self.stage.asked_at[body["metadata"]["name"]] = time.monotonic()
        try:
            return self.stage.owner.create(body), None
        except ApiError as error:
            return None, error

    def _await_pods(self) -> None:
        stage = self.stage
        planned = [*stage.plan.of_role(manifests.CLIENT), *stage.plan.of_role(manifests.SERVER)]
        found = pods.wait_for(stage, planned, self._not_ready)
        running = sum(pod.running for pod in found)
        stage.milestone("pods-running", f"{running} of {len(found)} probe pods run")
        value = Pods(pods=tuple(found), seconds=stage.seconds["pods-running"])
        stage.board.publish("pods", value)
        self._pods.set_result(value)

    def _look_into_pods(self) -> None:
        clients = self._pods.result().of(manifests.CLIENT)
        self.stage.board.publish("pod-networks", pods.networks(self.stage, clients))

    def _probe_pods(self) -> None:
        tcp, ping = paths.pod_to_pod(self.stage, self._pods.result())
        self.stage.board.publish("tcp", tcp)
        self.stage.board.publish("ping", ping)
        reached = sum(each.reached for each in tcp.observations)
        self.stage.milestone("pod-to-pod", f"{reached} of {len(tcp.observations)} pod-to-pod paths answer")

    def _probe_cluster_ips(self) -> None:
        seen = paths.cluster_ips(self.stage, self._pods.result(), self._services.result())
        self.stage.board.publish("cluster-ip", seen)
        reached = sum(each.reached for each in seen.observations)
        line = f"{reached} of {len(seen.observations)} ClusterIP paths answer with every backend"
        self.stage.milestone("services-converged", line)

    def _probe_canary(self) -> None:
        seen = paths.canaries(self.stage, self._pods.result(), self._services.result())
        self.stage.board.publish("canary", seen)

    def _await_load_balancers(self) -> None:
        if not self.stage.plan.load_balancers:
            raise CannotJudge(f"profile {self.stage.profile.name} promises no load balancer")
        found = load_balancers.wait_for(self.stage, self._services.result())
        with_address = sum(bool(each.addresses or each.hostnames) for each in found.load_balancers.values())
        line = f"{with_address} of {len(found.load_balancers)} load balancers have an address"
        self.stage.milestone("load-balancers", line)
        self.stage.board.publish("load-balancers", found)
        self._balancers.set_result(found)

    def _reach_load_balancers(self) -> None:
        balancers = self._balancers.result()
        self._pods.result()  # without backends nothing can answer
        self.stage.board.publish("reach", load_balancers.reach(self.stage, balancers))
        self.stage.seconds["load-balancers-called"] = round(self.stage.elapsed(), 3)

    def _ask_proxies(self) -> None:
        planned = self.stage.plan.of_role(manifests.HOST)
        if not planned:
            raise CannotJudge(f"profile {self.stage.profile.name} has no kube-proxy")
        found = pods.wait_for(self.stage, planned, self._not_ready)
        self.stage.board.publish("proxies", hosts.proxies(self.stage, found))

    def _read_cloud_configs(self) -> None:
        planned = self.stage.plan.of_role(manifests.CLOUD_CONFIG)
        if not planned:
            raise CannotJudge(f"profile {self.stage.profile.name} names no cloud configuration file")
        found = pods.wait_for(self.stage, planned, self._not_ready)
        self.stage.board.publish("cloud-configs", hosts.cloud_configs(self.stage, found))

    def _remove(self) -> list[tuple[str, str | None, str]]:
        with self._removing:
            if self._left_behind is None:
                start = time.monotonic()
                self._left_behind = self.stage.owner.remove(deadline=60)
                self.stage.seconds["cleanup"] = round(time.monotonic() - start, 3)
            return self._left_behind

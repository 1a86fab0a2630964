"""The end of this pod, by the key that its provider gives every pod for itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.machine.pod_identity import ENDPOINT, POD_ID, POD_KEY
from runctl_auto.agent.store.web import Web

PUBLIC_ENDPOINT = "https://api.runpod.io"
SECONDS = 30.0
ENDED = (204, 404)
ATTEMPTS, PAUSE_SECONDS = 5, 5.0


@dataclass(frozen=True)
class OwnPod:
    """`say` is told why the pod could not be ended; `runctl reap` ends it then."""

    web: Web
    environment: Mapping[str, str]
    say: Callable[[str], None]
    sleep: Callable[[float], object] = time.sleep

    def end(self) -> bool:
        """Asks for the end of this pod; whether it comes. The processes end soon after. Never raises."""
        endpoint = (self.environment.get(ENDPOINT) or PUBLIC_ENDPOINT).rstrip("/")
        headers = {"Authorization": f"Bearer {self.environment.get(POD_KEY, '')}"}
        url = f"{endpoint}/v2/pods/{self.environment[POD_ID]}"
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(PAUSE_SECONDS)
            try:
                with self.web.send("DELETE", url, headers, None, SECONDS) as answer:
                    status = answer.status
            except AgentError as error:
                problem = str(error)
                continue
            if status in ENDED:
                return True
            problem = f"the provider answered {status}"
            if status < 500 and status != 429:
                break
        self.say(f"the pod cannot be ended from within: {problem}")
        return False

"""Lists config maps with the library that the argument names; suite/client.py describes the protocol."""

import json
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor


def with_kubernetes():
    from kubernetes import client, config

    config.load_kube_config()
    api = client.CoreV1Api()
    return lambda: [item.metadata.name for item in api.list_namespaced_config_map("default").items]


def with_lightkube():
    from lightkube import Client
    from lightkube.resources.core_v1 import ConfigMap

    client = Client()
    return lambda: [item.metadata.name for item in client.list(ConfigMap, namespace="default")]


def with_kr8s():
    import kr8s

    api = kr8s.api()
    return lambda: [item.name for item in api.get("configmaps", namespace="default")]


def main():
    new_client = {"kubernetes": with_kubernetes, "lightkube": with_lightkube, "kr8s": with_kr8s}[sys.argv[1]]
    names = None
    for line in sys.stdin:
        count = int(line)
        try:
            names = names or new_client()
            with ThreadPoolExecutor(count) as pool:
                results = [pool.submit(names) for _ in range(count)]
            answer = {"names": [result.result() for result in results][-1]}
        except Exception as error:
            answer = {"error": "".join(traceback.format_exception_only(error)).strip()}
        print(json.dumps(answer), flush=True)


main()

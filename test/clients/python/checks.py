"""Exercises an API server as programs written with the Python client do: one line a check, exit code 1 when one failed.

The server is the one KUBECONFIG names; everything is made in a namespace of this program's own."""

import sys
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.utils import create_from_dict

NAMESPACE = "python"
PATIENCE = 20  # seconds


def config_map(name, value="1", group="none"):
    metadata = client.V1ObjectMeta(name=name, labels={"group": group})
    return client.V1ConfigMap(metadata=metadata, data={"a": value})


def refused(status, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except ApiException as error:
        assert error.status == status, f"{error.status} {error.body}, not {status}"
        return
    raise AssertionError(f"nothing was refused with {status}")


def eventually(what, done):
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def objects(core):
    made = core.create_namespaced_config_map(NAMESPACE, config_map("one"))
    assert made.metadata.uid and made.metadata.creation_timestamp
    refused(409, core.create_namespaced_config_map, NAMESPACE, config_map("one"))
    made.data["a"] = "2"
    changed = core.replace_namespaced_config_map("one", NAMESPACE, made)
    assert changed.data == {"a": "2"}
    refused(409, core.replace_namespaced_config_map, "one", NAMESPACE, made)
    core.delete_namespaced_config_map("one", NAMESPACE)
    refused(404, core.read_namespaced_config_map, "one", NAMESPACE)


def patches(core):
    core.create_namespaced_config_map(NAMESPACE, config_map("patched"))
    # A dict is sent as a strategic merge patch, a list as a JSON patch.
    merged = core.patch_namespaced_config_map("patched", NAMESPACE, {"data": {"a": None, "b": "2"}})
    assert merged.data == {"b": "2"}, merged.data
    edited = core.patch_namespaced_config_map(
        "patched", NAMESPACE, [{"op": "add", "path": "/data/c", "value": "3"}]
    )
    assert edited.data == {"b": "2", "c": "3"}, edited.data
    refused(422, core.patch_namespaced_config_map, "patched", NAMESPACE, [{"op": "remove", "path": "/data/zz"}])


def pages(core):
    for number in range(7):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}", group="pages"))
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, label_selector="group=pages", limit=3, _continue=token)
        names += [one.metadata.name for one in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"page-{number}" for number in range(7)], names


def watching(core):
    version = core.create_namespaced_config_map(NAMESPACE, config_map("first", group="watch")).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, config_map("second", group="watch"))
    core.delete_namespaced_config_map("first", NAMESPACE)
    said = [
        (event["type"], event["object"].metadata.name)
        for event in watch.Watch().stream(
            core.list_namespaced_config_map, NAMESPACE, label_selector="group=watch", resource_version=version,
            timeout_seconds=1,
        )
    ]
    assert said == [("ADDED", "second"), ("DELETED", "first")], said
    future = watch.Watch().stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version="999999999", timeout_seconds=1
    )
    assert list(future) == [], "an event from the future"


def dynamic_client(_):
    any_kind = dynamic.DynamicClient(client.ApiClient())
    services = any_kind.resources.get(api_version="v1", kind="Service")
    body = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "web"}, "spec": {"ports": [{"name": "a", "port": 80}]}}
    made = services.create(body=body, namespace=NAMESPACE)
    assert made.spec.clusterIP, made
    applied = services.server_side_apply(
        body={**body, "spec": {"ports": [{"name": "b", "port": 81}]}}, namespace=NAMESPACE, field_manager="python",
        force_conflicts=True,
    )
    assert [port.port for port in applied.spec.ports] == [80, 81], applied.spec.ports
    services.delete(name="web", namespace=NAMESPACE)
    refused(404, services.get, name="web", namespace=NAMESPACE)


def deployment(core):
    labels = {"app": "web"}
    create_from_dict(client.ApiClient(), {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "echo", "image": "echo"}]}}},
    })
    apps = client.AppsV1Api()
    apps.patch_namespaced_deployment_scale("web", NAMESPACE, {"spec": {"replicas": 2}})

    def pods():
        return core.list_namespaced_pod(NAMESPACE, label_selector="app=web").items

    eventually("two pods", lambda: len(pods()) == 2)
    eventually("counted", lambda: apps.read_namespaced_deployment_status("web", NAMESPACE).status.replicas == 2)
    apps.delete_namespaced_deployment("web", NAMESPACE, propagation_policy="Foreground")
    eventually("no pods", lambda: not pods())


def version_and_groups(_):
    assert client.VersionApi().get_code().major == "1"
    assert "discovery.k8s.io" in [group.name for group in client.ApisApi().get_api_versions().groups]


CHECKS = {
    "create, get, replace, conflict, delete": objects,
    "patches: strategic merge and JSON": patches,
    "lists in pages": pages,
    "watch from a version, and from the future": watching,
    "dynamic client: create, server-side apply, delete": dynamic_client,
    "a Deployment from a dict, its scale and its pods": deployment,
    "version and API groups": version_and_groups,
}


def main():
    config.load_kube_config()
    core = client.CoreV1Api()
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
    failed = False
    for name, check in CHECKS.items():
        try:
            check(core)
            print("ok  ", name, flush=True)
        except Exception as error:  # whatever it is, the other checks are still made
            failed = True
            print(f"FAIL {name}: {type(error).__name__} {error}".replace("\n", " "), flush=True)
    sys.exit(failed)


main()

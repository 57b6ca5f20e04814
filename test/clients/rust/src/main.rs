//! Exercises an API server as programs written with kube-rs do: one line a check, exit code 1 when one failed. The server is
//! the one KUBECONFIG names; everything is made in a namespace of this program's own.
use std::{future::Future, pin::pin, time::Duration};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::discovery::Discovery;
use kube::runtime::{WatchStreamExt, reflector, wait::await_condition, wait::conditions, watcher};
use kube::{Api, Client, Error, ResourceExt};
use serde_json::json;

const NAMESPACE: &str = "kube-rs";
const PATIENCE: Duration = Duration::from_secs(20);

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

#[tokio::main]
async fn main() {
    let client = Client::try_default().await.expect("a client");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}})).expect("a namespace");
    namespaces.create(&PostParams::default(), &namespace).await.expect("the namespace is made");

    let mut all_well = true;
    all_well &= tell("create, get, replace, conflict, delete", objects(client.clone())).await;
    all_well &= tell("patches: merge, strategic, server-side apply with a conflict", patches(client.clone())).await;
    all_well &= tell("lists in pages", pages(client.clone())).await;
    all_well &= tell("watch with bookmarks from a version", watch(client.clone())).await;
    all_well &= tell("watcher by lists and pages", follow(client.clone(), watcher::Config::default().page_size(2), "paged")).await;
    all_well &= tell("watcher by a streaming list", follow(client.clone(), watcher::Config::default().streaming_lists(), "streamed")).await;
    all_well &= tell("reflector's store", reflect(client.clone())).await;
    all_well &= tell("discovery", discover(client.clone())).await;
    all_well &= tell("a Deployment, its scale, its pods, deletion awaited", deployment(client)).await;
    std::process::exit(if all_well { 0 } else { 1 });
}

async fn tell(name: &str, check: impl Future<Output = Outcome>) -> bool {
    let outcome = tokio::time::timeout(PATIENCE, check).await.unwrap_or_else(|_| Err("it took too long".into()));
    match &outcome {
        Ok(()) => println!("ok   {name}"),
        Err(error) => println!("FAIL {name}: {error}"),
    }
    outcome.is_ok()
}

fn expect(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

fn is_status<T>(result: &Result<T, Error>, reason: &str) -> bool {
    matches!(result, Err(Error::Api(status)) if status.reason == reason)
}

fn config_map(name: &str, group: &str, value: &str) -> ConfigMap {
    let object = json!({"metadata": {"name": name, "labels": {"group": group}}, "data": {"a": value}});
    serde_json::from_value(object).expect("a ConfigMap")
}

fn maps(client: Client) -> Api<ConfigMap> {
    Api::namespaced(client, NAMESPACE)
}

async fn objects(client: Client) -> Outcome {
    let maps = maps(client);
    let post = PostParams::default();
    let made = maps.create(&post, &config_map("one", "objects", "1")).await?;
    expect("the server fills in uid and resourceVersion", made.uid().is_some() && made.resource_version().is_some())?;
    expect("a second create is AlreadyExists", is_status(&maps.create(&post, &made_anew()).await, "AlreadyExists"))?;
    let mut changed = made.clone();
    changed.data.get_or_insert_default().insert("a".into(), "2".into());
    maps.replace("one", &post, &changed).await?;
    expect("replacing an old version is a Conflict", is_status(&maps.replace("one", &post, &changed).await, "Conflict"))?;
    maps.delete("one", &DeleteParams::background()).await?;
    expect("a get after the delete is NotFound", maps.get_opt("one").await?.is_none())
}

fn made_anew() -> ConfigMap {
    config_map("one", "objects", "1")
}

async fn patches(client: Client) -> Outcome {
    let maps = maps(client);
    maps.create(&PostParams::default(), &config_map("patched", "patches", "1")).await?;
    let merged = maps.patch("patched", &PatchParams::default(), &Patch::Merge(json!({"data": {"a": null, "b": "2"}}))).await?;
    expect("merge patch", format!("{:?}", merged.data) == r#"Some({"b": "2"})"#)?;
    let strategic = Patch::Strategic(json!({"metadata": {"finalizers": ["example.com/a"]}}));
    maps.patch("patched", &PatchParams::default(), &strategic).await?;
    let apply = |value: &str| Patch::Apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"c": value}}));
    maps.patch("patched", &PatchParams::apply("one"), &apply("1")).await?;
    let refused = maps.patch("patched", &PatchParams::apply("two"), &apply("2")).await;
    expect("applying another's field is a Conflict", is_status(&refused, "Conflict"))?;
    maps.patch("patched", &PatchParams::apply("two").force(), &apply("2")).await?;
    maps.delete("patched", &DeleteParams::default()).await?;
    let held = maps.get("patched").await?;
    expect("a finalizer holds what was deleted", held.metadata.deletion_timestamp.is_some())?;
    maps.patch("patched", &PatchParams::default(), &Patch::Merge(json!({"metadata": {"finalizers": null}}))).await?;
    expect("and it goes with the finalizer", maps.get_opt("patched").await?.is_none())
}

async fn pages(client: Client) -> Outcome {
    let maps = maps(client);
    for number in 0..7 {
        maps.create(&PostParams::default(), &config_map(&format!("page-{number}"), "pages", "1")).await?;
    }
    let mut params = ListParams::default().labels("group in (pages)").limit(3);
    let mut names = Vec::new();
    loop {
        let page = maps.list(&params).await?;
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    expect(&format!("seven names, in order: {names:?}"), names.len() == 7 && names.is_sorted())?;
    let gone = maps.delete_collection(&DeleteParams::default(), &ListParams::default().labels("group=pages")).await?;
    expect("a collection is deleted", gone.right_or(Default::default()).status.is_none())?;
    expect("and nothing is left", maps.list(&ListParams::default().labels("group=pages")).await?.items.is_empty())
}

async fn watch(client: Client) -> Outcome {
    let maps = maps(client);
    let first = maps.create(&PostParams::default(), &config_map("first", "watch", "1")).await?;
    maps.create(&PostParams::default(), &config_map("second", "watch", "1")).await?;
    maps.delete("first", &DeleteParams::default()).await?;
    let params = WatchParams::default().labels("group=watch").timeout(1);
    let mut events = pin!(maps.watch(&params, &first.resource_version().unwrap_or_default()).await?);
    let mut said = Vec::new();
    while let Some(event) = events.try_next().await? {
        said.push(match event {
            WatchEvent::Added(object) => format!("added {}", object.name_any()),
            WatchEvent::Deleted(object) => format!("deleted {}", object.name_any()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            other => format!("{other:?}"),
        });
    }
    expect(&format!("events: {said:?}"), said == ["added second", "deleted first", "bookmark"])
}

async fn follow(client: Client, config: watcher::Config, group: &str) -> Outcome {
    let maps = maps(client);
    for number in 0..5 {
        maps.create(&PostParams::default(), &config_map(&format!("{group}-{number}"), group, "1")).await?;
    }
    let mut events = pin!(watcher::watcher(maps.clone(), config.labels(&format!("group={group}"))));
    let mut initial = 0;
    while let Some(event) = events.try_next().await? {
        match event {
            watcher::Event::InitApply(_) => initial += 1,
            watcher::Event::InitDone => break,
            _ => {}
        }
    }
    expect(&format!("five objects at first: {initial}"), initial == 5)?;
    maps.delete(&format!("{group}-3"), &DeleteParams::default()).await?;
    while let Some(event) = events.try_next().await? {
        if let watcher::Event::Delete(object) = event {
            return expect("the deleted one", object.name_any() == format!("{group}-3"));
        }
    }
    Err("the watch ended".into())
}

async fn reflect(client: Client) -> Outcome {
    let maps = maps(client);
    let (store, writer) = reflector::store();
    let events = watcher::watcher(maps.clone(), watcher::Config::default().labels("group=reflect"));
    let task = tokio::spawn(reflector::reflector(writer, events).default_backoff().for_each(|_| async {}));
    store.wait_until_ready().await?;
    maps.create(&PostParams::default(), &config_map("reflected", "reflect", "1")).await?;
    while store.state().len() != 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    task.abort();
    Ok(())
}

async fn discover(client: Client) -> Outcome {
    let discovery = Discovery::new(client).run_aggregated().await?;
    let group = discovery.get("discovery.k8s.io").ok_or("the group discovery.k8s.io")?;
    expect("EndpointSlice", group.recommended_kind("EndpointSlice").is_some())
}

async fn deployment(client: Client) -> Outcome {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let object = json!({"metadata": {"name": "web"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "echo", "image": "echo"}]}}}});
    let made = deployments.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    let scale = Patch::Merge(json!({"spec": {"replicas": 2}}));
    deployments.patch_scale("web", &PatchParams::default(), &scale).await?;
    while pods.list(&ListParams::default().labels("app=web")).await?.items.len() != 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    deployments.delete("web", &DeleteParams::foreground()).await?;
    let uid = made.uid().unwrap_or_default();
    await_condition(deployments, "web", conditions::is_deleted(&uid)).await?;
    expect("pods go before their Deployment", pods.list(&ListParams::default().labels("app=web")).await?.items.is_empty())
}

// Exercises an API server as programs written with fabric8's client do: one line a check, exit code 1 when one failed. The server
// is the one KUBECONFIG names; everything is made in a namespace of this program's own.

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.ConfigMapList;
import io.fabric8.kubernetes.api.model.DeletionPropagation;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.ListOptionsBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;

public final class Checks {
  private static final String NAMESPACE = "fabric8";
  private static final int PATIENCE_SECONDS = 20;

  private interface Check {
    void run(KubernetesClient client) throws Exception;
  }

  public static void main(String[] words) {
    Map<String, Check> checks = new LinkedHashMap<>();
    checks.put("create, get, update, conflict, delete", Checks::objects);
    checks.put("patches: merge, JSON, server-side apply with a conflict", Checks::patches);
    checks.put("lists in pages", Checks::pages);
    checks.put("informer: add, update, delete", Checks::informer);
    checks.put("a Deployment, scaled and deleted with its pods", Checks::deployment);
    checks.put("objects whose kind is not compiled in", Checks::generic);
    checks.put("leader election", Checks::leaderElection);
    boolean failed = false;
    try (KubernetesClient client = new KubernetesClientBuilder().build()) {
      client.namespaces().resource(new NamespaceBuilder().withNewMetadata().withName(NAMESPACE).endMetadata().build()).create();
      for (Map.Entry<String, Check> check : checks.entrySet()) {
        try {
          check.getValue().run(client);
          System.out.println("ok   " + check.getKey());
        } catch (Exception | AssertionError error) { // the other checks are still made
          failed = true;
          System.out.println("FAIL " + check.getKey() + ": " + error);
        }
      }
    }
    System.exit(failed ? 1 : 0);
  }

  private static ConfigMap map(String name, String group) {
    return new ConfigMapBuilder().withNewMetadata().withName(name).withNamespace(NAMESPACE).addToLabels("group", group).endMetadata()
        .addToData("a", "1").build();
  }

  private static void expect(String what, boolean holds) {
    if (!holds) throw new AssertionError(what);
  }

  private static void refused(int code, Runnable call) {
    try {
      call.run();
    } catch (KubernetesClientException error) {
      expect(error.getMessage() + ", not " + code, error.getCode() == code);
      return;
    }
    throw new AssertionError("nothing was refused with " + code);
  }

  private static void eventually(String what, BooleanSupplier done) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!done.getAsBoolean()) {
      expect(what, System.nanoTime() < deadline);
      Thread.sleep(20);
    }
  }

  private static void objects(KubernetesClient client) {
    ConfigMap made = client.resource(map("one", "objects")).create();
    expect("uid and resourceVersion", made.getMetadata().getUid() != null && made.getMetadata().getResourceVersion() != null);
    refused(409, () -> client.resource(map("one", "objects")).create());
    ConfigMap changed = new ConfigMapBuilder(made).addToData("a", "2").build();
    client.resource(changed).update();
    refused(409, () -> client.resource(changed).lockResourceVersion(made.getMetadata().getResourceVersion()).update());
    client.configMaps().inNamespace(NAMESPACE).withName("one").delete();
    expect("gone", client.configMaps().inNamespace(NAMESPACE).withName("one").get() == null);
  }

  private static void patches(KubernetesClient client) {
    client.resource(map("patched", "patches")).create();
    var patched = client.configMaps().inNamespace(NAMESPACE).withName("patched");
    ConfigMap merged = patched.patch(PatchContext.of(PatchType.JSON_MERGE), "{\"data\":{\"a\":null,\"b\":\"2\"}}");
    expect("merge patch: " + merged.getData(), merged.getData().equals(Map.of("b", "2")));
    ConfigMap edited = patched.edit(one -> new ConfigMapBuilder(one).addToData("c", "3").build());
    expect("edit, a JSON patch: " + edited.getData(), edited.getData().size() == 2);
    ConfigMap wish = new ConfigMapBuilder().withNewMetadata().withName("patched").withNamespace(NAMESPACE).endMetadata()
        .addToData("c", "4").build();
    refused(409, () -> client.resource(wish).fieldManager("other").serverSideApply());
    ConfigMap forced = client.resource(wish).fieldManager("other").forceConflicts().serverSideApply();
    expect("server-side apply: " + forced.getData(), forced.getData().equals(Map.of("b", "2", "c", "4")));
  }

  private static void pages(KubernetesClient client) {
    for (int number = 0; number < 7; number++) client.resource(map("page-" + number, "pages")).create();
    List<String> names = new ArrayList<>();
    String token = null;
    do {
      ConfigMapList page = client.configMaps().inNamespace(NAMESPACE).withLabel("group", "pages")
          .list(new ListOptionsBuilder().withLimit(3L).withContinue(token).build());
      page.getItems().forEach(one -> names.add(one.getMetadata().getName()));
      token = page.getMetadata().getContinue();
    } while (token != null && !token.isEmpty());
    expect("seven names: " + names, names.size() == 7);
  }

  private static void informer(KubernetesClient client) throws InterruptedException {
    AtomicInteger added = new AtomicInteger();
    AtomicInteger updated = new AtomicInteger();
    AtomicInteger deleted = new AtomicInteger();
    client.resource(map("before", "informer")).create();
    try (SharedIndexInformer<ConfigMap> informer = client.configMaps().inNamespace(NAMESPACE).withLabel("group", "informer")
        .inform(new ResourceEventHandler<>() {
          @Override
          public void onAdd(ConfigMap one) {
            added.incrementAndGet();
          }

          @Override
          public void onUpdate(ConfigMap before, ConfigMap after) {
            updated.incrementAndGet();
          }

          @Override
          public void onDelete(ConfigMap one, boolean unknown) {
            deleted.incrementAndGet();
          }
        }, 0)) {
      client.resource(map("after", "informer")).create();
      client.configMaps().inNamespace(NAMESPACE).withName("after").edit(one -> new ConfigMapBuilder(one).addToData("b", "2").build());
      client.configMaps().inNamespace(NAMESPACE).withLabel("group", "informer").delete();
      eventually("two added, one updated, two deleted", () -> added.get() == 2 && updated.get() == 1 && deleted.get() == 2);
      expect("an empty cache", informer.getStore().list().isEmpty());
    }
  }

  private static void deployment(KubernetesClient client) throws InterruptedException {
    Map<String, String> labels = Map.of("app", "web");
    Deployment web = new DeploymentBuilder().withNewMetadata().withName("web").withNamespace(NAMESPACE).endMetadata().withNewSpec()
        .withReplicas(1).withNewSelector().withMatchLabels(labels).endSelector().withNewTemplate().withNewMetadata().withLabels(labels)
        .endMetadata().withNewSpec().addNewContainer().withName("echo").withImage("echo").endContainer().endSpec().endTemplate()
        .endSpec().build();
    client.resource(web).create();
    client.apps().deployments().inNamespace(NAMESPACE).withName("web").patch(PatchContext.of(PatchType.STRATEGIC_MERGE),
        "{\"spec\":{\"replicas\":2}}");
    var pods = client.pods().inNamespace(NAMESPACE).withLabels(labels);
    eventually("two pods", () -> pods.list().getItems().size() == 2);
    client.resource(web).withPropagationPolicy(DeletionPropagation.FOREGROUND).delete();
    client.resource(web).waitUntilCondition(one -> one == null, PATIENCE_SECONDS, TimeUnit.SECONDS);
    expect("pods go before their Deployment", pods.list().getItems().isEmpty());
  }

  private static void generic(KubernetesClient client) {
    GenericKubernetesResource slice = new GenericKubernetesResource();
    slice.setApiVersion("discovery.k8s.io/v1");
    slice.setKind("EndpointSlice");
    slice.setMetadata(map("slice", "generic").getMetadata());
    slice.setAdditionalProperty("addressType", "IPv4");
    slice.setAdditionalProperty("endpoints", List.of());
    expect("created", client.resource(slice).create().getMetadata().getUid() != null);
    expect("deleted", !client.resource(slice).delete().isEmpty());
  }

  private static void leaderElection(KubernetesClient client) throws Exception {
    CompletableFuture<String> leads = new CompletableFuture<>();
    CompletableFuture<?> running = client.leaderElector()
        .withConfig(new LeaderElectionConfigBuilder().withName("lock").withLock(new LeaseLock(NAMESPACE, "lock", "one"))
            .withLeaseDuration(Duration.ofSeconds(3)).withRenewDeadline(Duration.ofSeconds(2)).withRetryPeriod(Duration.ofMillis(200))
            .withReleaseOnCancel()
            .withLeaderCallbacks(new LeaderCallbacks(() -> {}, () -> {}, leads::complete)).build())
        .build().start();
    expect("one leads", "one".equals(leads.get(PATIENCE_SECONDS, TimeUnit.SECONDS)));
    running.cancel(true);
  }
}

// Command controllers exercises an API server as an operator does that is written with controller-runtime, in the scene its tests
// give it (envtest with an existing cluster): one line a check, exit code 1 when one failed.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// patience is how long anything may take to come true.
const patience = 20 * time.Second

// home is the namespace that everything is in.
const home = "controller-runtime"

var checks = []struct {
	name string
	run  func(context.Context, client.Client) error
}{
	{"reconciles what is there and what comes, as leader", reconciles},
	{"cached lists by an index of one's own", indexedLists},
	{"an owned object that is deleted comes back", ownedComesBack},
	{"a drifted owned object is mended", driftIsMended},
	{"status patch with an optimistic lock that is stale", staleStatus},
	{"server-side apply", applies},
	{"finalizer holds a deleted object", finalizerHolds},
	{"DeleteAllOf, and what was owned is collected", deletesAll},
}

func main() {
	log.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	failed, err := run(ctrl.SetupSignalHandler())
	if err != nil {
		fmt.Println("FAIL", err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

// run returns how many checks failed, or why they could not be made.
func run(ctx context.Context) (failed int, err error) {
	os.Setenv("USE_EXISTING_CLUSTER", "true")
	environment := &envtest.Environment{}
	config, err := environment.Start()
	if err != nil {
		return 0, fmt.Errorf("envtest: %w", err)
	}
	defer environment.Stop()
	manager, err := ctrl.NewManager(config, ctrl.Options{
		LeaderElection:          true,
		LeaderElectionID:        "operator.example",
		LeaderElectionNamespace: home,
		Metrics:                 server.Options{BindAddress: "0"},
	})
	if err != nil {
		return 0, fmt.Errorf("manager: %w", err)
	}
	if err := addOperator(ctx, manager); err != nil {
		return 0, fmt.Errorf("operator: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	uncached, err := client.New(config, client.Options{})
	if err != nil {
		return 0, err
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}}
	if err := uncached.Create(ctx, namespace); err != nil {
		return 0, fmt.Errorf("namespace: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	if !manager.GetCache().WaitForCacheSync(ctx) {
		return 0, fmt.Errorf("the caches did not fill")
	}
	for _, check := range checks {
		if err := check.run(ctx, manager.GetClient()); err != nil {
			fmt.Printf("FAIL %s: %v\n", check.name, err)
			failed++
		} else {
			fmt.Println("ok  ", check.name)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		return failed, fmt.Errorf("the manager ended with: %w", err)
	}
	return failed, nil
}

// eventually waits until found says nothing more, and tells what it said last when it does not.
func eventually(ctx context.Context, found func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := found()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", patience, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Command clients exercises an API server as programs written with client-go do: one line a check, exit code 1 when one failed.
// The server is the one KUBECONFIG names; everything is made in namespaces of this program's own.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long anything may take to come true.
const patience = 20 * time.Second

// scene is what a check works with: a client and a namespace that no other check knows.
type scene struct {
	config    *rest.Config
	client    kubernetes.Interface
	namespace string
}

type check struct {
	name string
	run  func(context.Context, scene) error
}

var checks = []check{
	{"typed objects in JSON: create, get, update, conflict, delete", objectsInJSON},
	{"typed objects in protobuf: create, get, list, status, delete", objectsInProtobuf},
	{"patches: strategic, merge, JSON, and a JSON test that fails", patches},
	{"lists in pages, each page of one version", pages},
	{"server-side apply: managers, conflict, force, giving up a field", serverSideApply},
	{"watch from a version, with bookmarks", watchFromVersion},
	{"watch list: initial events end with a bookmark", watchList},
	{"shared informer: add, update, resync, delete, broken connections", sharedInformer},
	{"informers of dynamic and metadata clients", otherInformers},
	{"discovery and RESTMapper", discovered},
	{"scale of a Deployment, and its controllers", deploymentScale},
	{"foreground deletion waits for dependents", foregroundDeletion},
	{"leader election: one leads, another takes over", leaderElection},
	{"event recorder: one Event, counted", eventRecorder},
	{"tokens and reviews", tokens},
	{"errors carry reason, details and causes", typedErrors},
}

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Println("FAIL kubeconfig:", err)
		os.Exit(1)
	}
	config.QPS = -1
	client := kubernetes.NewForConfigOrDie(config)
	failed := false
	for number, check := range checks {
		if err := play(check, scene{config, client, fmt.Sprintf("client-go-%d", number)}); err != nil {
			fmt.Printf("FAIL %s: %v\n", check.name, err)
			failed = true
		} else {
			fmt.Println("ok  ", check.name)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func play(check check, scene scene) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: scene.namespace}}
	if _, err := scene.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	return check.run(ctx, scene)
}

// eventually waits until done says so, and tells what it was waiting for when it does not.
func eventually(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if ok, err := done(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		} else if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %v", what, patience)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// wrong is the error of a check that saw something else than it should.
func wrong(what string, got, want any) error {
	return fmt.Errorf("%s: got %v, want %v", what, got, want)
}

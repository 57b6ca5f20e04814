package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
)

const (
	owners = 20
	teams  = 4
)

var (
	inHome   = client.InNamespace(home)
	keyOfOne = client.ObjectKey{Namespace: home, Name: "owner-0"}
)

func reconciles(ctx context.Context, c client.Client) error {
	for number := range owners {
		owner := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("owner-%d", number), Namespace: home, Labels: wanted},
			Data:       map[string]string{"image": "image:1", "team": fmt.Sprint(number % teams)},
		}
		if err := c.Create(ctx, owner); err != nil {
			return err
		}
	}
	return eventually(ctx, func() error { return counted(ctx, c, owners) })
}

// counted says how many Deployments the cache has, when they are not as many.
func counted(ctx context.Context, c client.Client, count int) error {
	var found appsv1.DeploymentList
	if err := c.List(ctx, &found, inHome); err != nil {
		return err
	}
	if len(found.Items) != count {
		return fmt.Errorf("%d Deployments, not %d", len(found.Items), count)
	}
	return nil
}

func indexedLists(ctx context.Context, c client.Client) error {
	var found corev1.ConfigMapList
	if err := c.List(ctx, &found, inHome, client.MatchingFields{byTeam: "1"}); err != nil {
		return err
	}
	if len(found.Items) != owners/teams {
		return fmt.Errorf("%d of team 1", len(found.Items))
	}
	return nil
}

func ownedComesBack(ctx context.Context, c client.Client) error {
	var owned appsv1.Deployment
	if err := c.Get(ctx, keyOfOne, &owned); err != nil {
		return err
	}
	before := owned.UID
	if err := c.Delete(ctx, &owned, client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		return err
	}
	return eventually(ctx, func() error {
		if err := c.Get(ctx, keyOfOne, &owned); err != nil {
			return err
		}
		if owned.UID == before {
			return fmt.Errorf("it is still the old one")
		}
		return nil
	})
}

func driftIsMended(ctx context.Context, c client.Client) error {
	var owned appsv1.Deployment
	if err := c.Get(ctx, keyOfOne, &owned); err != nil {
		return err
	}
	drift := client.RawPatch("application/json-patch+json", []byte(`[{"op":"replace","path":"/spec/replicas","value":7}]`))
	if err := c.Patch(ctx, &owned, drift); err != nil {
		return err
	}
	drifted := owned.Generation
	return eventually(ctx, func() error {
		if err := c.Get(ctx, keyOfOne, &owned); err != nil {
			return err
		}
		if owned.Generation <= drifted || *owned.Spec.Replicas != replicas {
			return fmt.Errorf("%d replicas in generation %d", *owned.Spec.Replicas, owned.Generation)
		}
		return nil
	})
}

func staleStatus(ctx context.Context, c client.Client) error {
	var owned appsv1.Deployment
	if err := c.Get(ctx, keyOfOne, &owned); err != nil {
		return err
	}
	stale := owned.DeepCopy()
	stale.ResourceVersion = "1"
	owned.ResourceVersion = "1"
	owned.Status.ObservedGeneration = 100
	lock := client.MergeFromWithOptions(stale, client.MergeFromWithOptimisticLock{})
	if err := c.Status().Patch(ctx, &owned, lock); !errors.IsConflict(err) {
		return fmt.Errorf("not refused as a conflict: %v", err)
	}
	return nil
}

func applies(ctx context.Context, c client.Client) error {
	applied := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "applied", Namespace: home},
		Data:       map[string]string{"key": "value"},
	}
	if err := c.Patch(ctx, applied, client.Apply, client.FieldOwner("operator")); err != nil {
		return err
	}
	if fields := applied.ManagedFields; len(fields) != 1 || fields[0].Manager != "operator" {
		return fmt.Errorf("managed fields %v", fields)
	}
	return nil
}

func finalizerHolds(ctx context.Context, c client.Client) error {
	const finalizer = "operator.example/cleanup"
	held := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "held-", Namespace: home, Finalizers: []string{finalizer}},
	}
	if err := c.Create(ctx, held); err != nil {
		return err
	}
	key := client.ObjectKeyFromObject(held)
	if err := c.Delete(ctx, held); err != nil {
		return err
	}
	err := eventually(ctx, func() error {
		if err := c.Get(ctx, key, held); err != nil {
			return err
		}
		if held.DeletionTimestamp == nil {
			return fmt.Errorf("nobody deletes it")
		}
		return nil
	})
	if err != nil {
		return err
	}
	controllerutil.RemoveFinalizer(held, finalizer)
	if err := c.Update(ctx, held); err != nil {
		return err
	}
	return eventually(ctx, func() error {
		if err := c.Get(ctx, key, held); !errors.IsNotFound(err) {
			return fmt.Errorf("it is there still: %v", err)
		}
		return nil
	})
}

func deletesAll(ctx context.Context, c client.Client) error {
	if err := c.DeleteAllOf(ctx, &corev1.ConfigMap{}, inHome, wanted); err != nil {
		return err
	}
	return eventually(ctx, func() error { return counted(ctx, c, 0) })
}

package main

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// byTeam indexes ConfigMaps in the cache.
const byTeam = "data.team"

// wanted labels the ConfigMaps that the operator makes Deployments of.
var wanted = client.MatchingLabels{"wants": "deployment"}

const replicas = 2

// addOperator adds a controller that keeps a Deployment for every wanted ConfigMap, which owns it.
func addOperator(ctx context.Context, manager ctrl.Manager) error {
	team := func(object client.Object) []string { return []string{object.(*corev1.ConfigMap).Data["team"]} }
	if err := manager.GetFieldIndexer().IndexField(ctx, &corev1.ConfigMap{}, byTeam, team); err != nil {
		return err
	}
	operator := &operator{manager.GetClient()}
	return ctrl.NewControllerManagedBy(manager).For(&corev1.ConfigMap{}).Owns(&appsv1.Deployment{}).Complete(operator)
}

type operator struct{ client client.Client }

func (o *operator) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	var owner corev1.ConfigMap
	if err := o.client.Get(ctx, request.NamespacedName, &owner); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if owner.Labels["wants"] != wanted["wants"] || owner.DeletionTimestamp != nil {
		return reconcile.Result{}, nil
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: owner.Name, Namespace: owner.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, o.client, deployment, func() error {
		count := int32(replicas)
		labels := map[string]string{"app": owner.Name}
		spec := &deployment.Spec
		spec.Replicas = &count
		spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
		spec.Template.Labels = labels
		if len(spec.Template.Spec.Containers) == 0 {
			spec.Template.Spec.Containers = []corev1.Container{{Name: "main"}}
		}
		spec.Template.Spec.Containers[0].Image = owner.Data["image"]
		return controllerutil.SetControllerReference(&owner, deployment, o.client.Scheme())
	})
	return reconcile.Result{}, err
}

package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "echo", Image: "echo"}}},
			},
		},
	}
}

func objectsInJSON(ctx context.Context, scene scene) error {
	maps := scene.client.CoreV1().ConfigMaps(scene.namespace)
	made, err := maps.Create(ctx, configMap("one", map[string]string{"a": "1"}), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if made.UID == "" || made.ResourceVersion == "" || made.CreationTimestamp.IsZero() {
		return wrong("what the server fills in", made.ObjectMeta, "uid, resourceVersion, creationTimestamp")
	}
	if _, err := maps.Create(ctx, configMap("one", nil), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return wrong("second create", err, "AlreadyExists")
	}
	changed := made.DeepCopy()
	changed.Data["a"] = "2"
	if changed, err = maps.Update(ctx, changed, metav1.UpdateOptions{}); err != nil {
		return err
	}
	made.Data["a"] = "3"
	if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return wrong("update of an old version", err, "Conflict")
	}
	dry, err := maps.Update(ctx, changed, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil || dry.ResourceVersion != changed.ResourceVersion {
		return wrong("dry run", err, "no change")
	}
	same, err := maps.Update(ctx, changed, metav1.UpdateOptions{})
	if err != nil || same.ResourceVersion != changed.ResourceVersion {
		return wrong("update that changes nothing", same.ResourceVersion, changed.ResourceVersion)
	}
	wrongUID := types.UID("other")
	stale := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &wrongUID}}
	if err := maps.Delete(ctx, "one", stale); !apierrors.IsConflict(err) {
		return wrong("delete of another uid", err, "Conflict")
	}
	if err := maps.Delete(ctx, "one", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if _, err := maps.Get(ctx, "one", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return wrong("get after delete", err, "NotFound")
	}
	return nil
}

// objectsInProtobuf sends every body in protobuf, as the controller manager, the scheduler and most operators do.
func objectsInProtobuf(ctx context.Context, scene scene) error {
	config := rest.CopyConfig(scene.config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	services := client.CoreV1().Services(scene.namespace)
	made, err := services.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{"wide": "ünïcode"}},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeLoadBalancer,
			Selector: map[string]string{"app": "web"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("http")}, {Name: "two", Port: 81, TargetPort: intstr.FromInt32(8081)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if made.Spec.ClusterIP == "" || made.Spec.Ports[0].TargetPort.StrVal != "http" || made.Spec.Ports[1].TargetPort.IntVal != 8081 {
		return wrong("service", made.Spec, "a cluster IP and its target ports")
	}
	if made.Annotations["wide"] != "ünïcode" {
		return wrong("annotation", made.Annotations, "ünïcode")
	}
	secrets := client.CoreV1().Secrets(scene.namespace)
	bytes := []byte{0, 255, 10, 13}
	secret, err := secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key"}, Data: map[string][]byte{"bytes": bytes}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if string(secret.Data["bytes"]) != string(bytes) {
		return wrong("bytes", secret.Data, bytes)
	}
	if _, err := client.AppsV1().Deployments(scene.namespace).Create(ctx, deployment("web", 1), metav1.CreateOptions{}); err != nil {
		return err
	}
	made.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "52.1.2.3"}}
	if made, err = services.UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	list, err := services.List(ctx, metav1.ListOptions{LabelSelector: "!nope", FieldSelector: "metadata.name=web"})
	if err != nil {
		return err
	}
	if len(list.Items) != 1 || list.Items[0].UID != made.UID {
		return wrong("list", list.Items, made.Name)
	}
	background := metav1.DeletePropagationBackground
	return services.Delete(ctx, "web", metav1.DeleteOptions{PropagationPolicy: &background})
}

func patches(ctx context.Context, scene scene) error {
	deployments := scene.client.AppsV1().Deployments(scene.namespace)
	if _, err := deployments.Create(ctx, deployment("web", 0), metav1.CreateOptions{}); err != nil {
		return err
	}
	strategic := `{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"pause"}]}}}}`
	patched, err := deployments.Patch(ctx, "web", types.StrategicMergePatchType, []byte(strategic), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if len(patched.Spec.Template.Spec.Containers) != 2 {
		return wrong("strategic merge patch", patched.Spec.Template.Spec.Containers, "two containers")
	}
	merge := `{"metadata":{"labels":{"app":null,"team":"net"}}}`
	patched, err = deployments.Patch(ctx, "web", types.MergePatchType, []byte(merge), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if fmt.Sprint(patched.Labels) != "map[team:net]" {
		return wrong("merge patch", patched.Labels, "team=net")
	}
	json := `[{"op":"test","path":"/metadata/labels/team","value":"net"},{"op":"replace","path":"/spec/replicas","value":3}]`
	patched, err = deployments.Patch(ctx, "web", types.JSONPatchType, []byte(json), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if *patched.Spec.Replicas != 3 {
		return wrong("JSON patch", *patched.Spec.Replicas, 3)
	}
	json = `[{"op":"test","path":"/spec/replicas","value":9}]`
	if _, err = deployments.Patch(ctx, "web", types.JSONPatchType, []byte(json), metav1.PatchOptions{}); !apierrors.IsInvalid(err) {
		return wrong("JSON patch whose test fails", err, "Invalid")
	}
	return nil
}

func pages(ctx context.Context, scene scene) error {
	maps := scene.client.CoreV1().ConfigMaps(scene.namespace)
	for i := range 10 {
		if _, err := maps.Create(ctx, configMap(fmt.Sprintf("page-%d", i), nil), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	var seen []string
	query := metav1.ListOptions{Limit: 3, FieldSelector: "metadata.name!=kube-root-ca.crt"}
	version := ""
	for {
		page, err := maps.List(ctx, query)
		if err != nil {
			return err
		}
		for _, one := range page.Items {
			seen = append(seen, one.Name)
		}
		if version == "" {
			version = page.ResourceVersion
			// What is written between pages belongs to none of them.
			if _, err := maps.Create(ctx, configMap("page-late", nil), metav1.CreateOptions{}); err != nil {
				return err
			}
		} else if page.ResourceVersion != version {
			return wrong("version of a page", page.ResourceVersion, version)
		}
		if query.Continue = page.Continue; query.Continue == "" {
			break
		}
	}
	if len(seen) != 10 {
		return wrong("names", seen, "ten")
	}
	return nil
}

func serverSideApply(ctx context.Context, scene scene) error {
	maps := scene.client.CoreV1().ConfigMaps(scene.namespace)
	wish := func(data map[string]string) *corev1apply.ConfigMapApplyConfiguration {
		return corev1apply.ConfigMap("applied", scene.namespace).WithData(data)
	}
	if _, err := maps.Apply(ctx, wish(map[string]string{"a": "1", "b": "1"}), metav1.ApplyOptions{FieldManager: "one"}); err != nil {
		return err
	}
	theirs := wish(map[string]string{"a": "2", "c": "2"})
	if _, err := maps.Apply(ctx, theirs, metav1.ApplyOptions{FieldManager: "two"}); !apierrors.IsConflict(err) {
		return wrong("apply of another's field", err, "Conflict")
	}
	if _, err := maps.Apply(ctx, theirs, metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil {
		return err
	}
	now, err := maps.Apply(ctx, wish(map[string]string{}), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	if fmt.Sprint(now.Data) != "map[a:2 c:2]" {
		return wrong("data after one gave up its fields", now.Data, "a:2 c:2")
	}
	mine, err := corev1apply.ExtractConfigMap(now, "two")
	if err != nil {
		return err
	}
	if fmt.Sprint(mine.Data) != "map[a:2 c:2]" {
		return wrong("what two owns", mine.Data, "a:2 c:2")
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
)

func discovered(_ context.Context, scene scene) error {
	discovery := memory.NewMemCacheClient(scene.client.Discovery())
	version, err := discovery.ServerVersion()
	if err != nil {
		return err
	}
	if version.Major != "1" {
		return wrong("version", version, "1.x")
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(discovery)
	mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"})
	if err != nil {
		return err
	}
	if mapping.Resource.Resource != "endpointslices" || mapping.Scope.Name() != "namespace" {
		return wrong("mapping", mapping, "endpointslices, namespaced")
	}
	expander := restmapper.NewShortcutExpander(mapper, discovery, nil)
	resource, err := expander.ResourceFor(schema.GroupVersionResource{Resource: "deploy"})
	if err != nil {
		return err
	}
	if resource.Resource != "deployments" {
		return wrong("short name", resource, "deployments")
	}
	document, err := discovery.OpenAPISchema()
	if err != nil {
		return err
	}
	if len(document.Paths.Path) == 0 || len(document.Definitions.AdditionalProperties) == 0 {
		return wrong("/openapi/v2", "empty", "paths and definitions")
	}
	paths, err := discovery.OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	text, err := paths["apis/apps/v1"].Schema("application/json")
	if err != nil || len(text) == 0 {
		return wrong("/openapi/v3 of apps/v1", err, "a document")
	}
	return nil
}

func deploymentScale(ctx context.Context, scene scene) error {
	deployments := scene.client.AppsV1().Deployments(scene.namespace)
	if _, err := deployments.Create(ctx, deployment("web", 1), metav1.CreateOptions{}); err != nil {
		return err
	}
	scale, err := deployments.GetScale(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if scale.Spec.Replicas != 1 || scale.Status.Selector != "app=web" {
		return wrong("scale", scale, "1 of app=web")
	}
	scale.Spec.Replicas = 3
	// The controllers write the Deployment's status meanwhile.
	scale.ResourceVersion = ""
	if _, err := deployments.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{}); err != nil {
		return err
	}
	return eventually(ctx, "three pods, counted", func() (bool, error) {
		pods, err := scene.client.CoreV1().Pods(scene.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			return false, err
		}
		now, err := deployments.Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return len(pods.Items) == 3 && now.Status.Replicas == 3 && now.Status.ObservedGeneration == now.Generation, nil
	})
}

func foregroundDeletion(ctx context.Context, scene scene) error {
	deployments := scene.client.AppsV1().Deployments(scene.namespace)
	if _, err := deployments.Create(ctx, deployment("web", 2), metav1.CreateOptions{}); err != nil {
		return err
	}
	pods := scene.client.CoreV1().Pods(scene.namespace)
	if err := eventually(ctx, "two pods", func() (bool, error) {
		list, err := pods.List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == 2, err
	}); err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	if err := deployments.Delete(ctx, "web", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return err
	}
	return eventually(ctx, "the Deployment gone, and no pod left then", func() (bool, error) {
		if _, err := deployments.Get(ctx, "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return false, err
		}
		list, err := pods.List(ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) > 0 {
			err = wrong("pods after the Deployment", len(list.Items), 0)
		}
		return err == nil, err
	})
}

func leaderElection(ctx context.Context, scene scene) error {
	leads := make(chan string, 2)
	candidate := func(ctx context.Context, name string) error {
		lock, err := resourcelock.New(resourcelock.LeasesResourceLock, scene.namespace, "lock",
			scene.client.CoreV1(), scene.client.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: name})
		if err != nil {
			return err
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
			ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { leads <- name },
				OnStoppedLeading: func() {},
			},
		})
		if err == nil {
			go elector.Run(ctx)
		}
		return err
	}
	hears := func(name string) error {
		select {
		case leader := <-leads:
			if leader != name {
				return wrong("leader", leader, name)
			}
			return nil
		case <-time.After(patience):
			return wrong("leader", "none", name)
		}
	}
	first, end := context.WithCancel(ctx)
	defer end()
	if err := candidate(first, "one"); err != nil {
		return err
	}
	if err := hears("one"); err != nil {
		return err
	}
	if err := candidate(ctx, "two"); err != nil {
		return err
	}
	end()
	return hears("two")
}

func eventRecorder(ctx context.Context, scene scene) error {
	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: scene.client.CoreV1().Events(scene.namespace)})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "client-go"})
	subject := configMap("subject", nil)
	subject.Namespace, subject.UID = scene.namespace, "1"
	for range 3 {
		recorder.Event(subject, corev1.EventTypeNormal, "Checked", "it was looked at")
	}
	return eventually(ctx, "one Event, counted three times", func() (bool, error) {
		list, err := scene.client.CoreV1().Events(scene.namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=Checked,involvedObject.name=subject"})
		if err != nil {
			return false, err
		}
		newer, err := scene.client.EventsV1().Events(scene.namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=Checked"})
		if err != nil {
			return false, err
		}
		return len(list.Items) == 1 && list.Items[0].Count == 3 && len(newer.Items) == 1 && newer.Items[0].DeprecatedCount == 3, nil
	})
}

func tokens(ctx context.Context, scene scene) error {
	accounts := scene.client.CoreV1().ServiceAccounts(scene.namespace)
	if err := eventually(ctx, "the default ServiceAccount", func() (bool, error) {
		_, err := accounts.Get(ctx, "default", metav1.GetOptions{})
		return err == nil, nil
	}); err != nil {
		return err
	}
	token, err := accounts.CreateToken(ctx, "default", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("system:serviceaccount:%s:default", scene.namespace)
	review, err := scene.client.AuthenticationV1().TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token.Status.Token}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if !review.Status.Authenticated || review.Status.User.Username != name {
		return wrong("token review", review.Status, name)
	}
	config := rest.AnonymousClientConfig(scene.config)
	config.BearerToken = token.Status.Token
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	self, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if self.Status.UserInfo.Username != name {
		return wrong("who am I", self.Status.UserInfo.Username, name)
	}
	access, err := scene.client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "get", Resource: "pods"}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if !access.Status.Allowed {
		return wrong("access of the administrator", access.Status, "allowed")
	}
	config.BearerToken = "nonsense"
	stranger, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if _, err := stranger.CoreV1().Pods(scene.namespace).List(ctx, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		return wrong("a stranger", err, "Unauthorized")
	}
	return nil
}

func typedErrors(ctx context.Context, scene scene) error {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "Bad_Name"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 0}}}}
	_, err := scene.client.CoreV1().Services(scene.namespace).Create(ctx, service, metav1.CreateOptions{})
	if !apierrors.IsInvalid(err) {
		return wrong("bad service", err, "Invalid")
	}
	if !apierrors.HasStatusCause(err, metav1.CauseTypeFieldValueInvalid) {
		return wrong("causes", err, metav1.CauseTypeFieldValueInvalid)
	}
	if _, err := scene.client.CoreV1().Pods("nowhere").Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "b"}}}}, metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		return wrong("pod in no namespace", err, "NotFound")
	}
	strict := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	err = scene.client.CoreV1().RESTClient().Post().Namespace(scene.namespace).Resource("configmaps").VersionedParams(&strict, scheme.ParameterCodec).
		Body([]byte(`{"metadata":{"name":"x"},"dada":{}}`)).SetHeader("Content-Type", "application/json").Do(ctx).Error()
	if !apierrors.IsBadRequest(err) {
		return wrong("unknown field", err, "BadRequest")
	}
	seconds := int64(1)
	if _, err := scene.client.CoreV1().Pods(scene.namespace).List(ctx, metav1.ListOptions{Continue: "nonsense", TimeoutSeconds: &seconds}); !apierrors.IsBadRequest(err) {
		return wrong("bad continue", err, "BadRequest")
	}
	return nil
}

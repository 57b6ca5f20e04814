package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

func watchFromVersion(ctx context.Context, scene scene) error {
	maps := scene.client.CoreV1().ConfigMaps(scene.namespace)
	first, err := maps.Create(ctx, configMap("first", nil), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	for _, name := range []string{"second", "third"} {
		if _, err := maps.Create(ctx, configMap(name, nil), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	if err := maps.Delete(ctx, "second", metav1.DeleteOptions{}); err != nil {
		return err
	}
	seconds := int64(1)
	watcher, err := maps.Watch(ctx, metav1.ListOptions{
		ResourceVersion: first.ResourceVersion, AllowWatchBookmarks: true, TimeoutSeconds: &seconds,
		FieldSelector: "metadata.name!=kube-root-ca.crt",
	})
	if err != nil {
		return err
	}
	var said []string
	last := ""
	for event := range watcher.ResultChan() {
		object := event.Object.(*corev1.ConfigMap)
		if event.Type == watch.Bookmark {
			last = object.ResourceVersion
		} else {
			said = append(said, fmt.Sprintf("%s %s", event.Type, object.Name))
		}
	}
	if fmt.Sprint(said) != "[ADDED second ADDED third DELETED second]" {
		return wrong("events", said, "ADDED second, ADDED third, DELETED second")
	}
	if last == "" {
		return wrong("bookmarks", "none", "one before the watch ends")
	}
	return nil
}

func watchList(ctx context.Context, scene scene) error {
	maps := scene.client.CoreV1().ConfigMaps(scene.namespace)
	for i := range 3 {
		if _, err := maps.Create(ctx, configMap(fmt.Sprintf("map-%d", i), nil), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	yes := true
	watcher, err := maps.Watch(ctx, metav1.ListOptions{
		SendInitialEvents: &yes, AllowWatchBookmarks: true, FieldSelector: "metadata.name!=kube-root-ca.crt",
		ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	initial := 0
	for event := range watcher.ResultChan() {
		object := event.Object.(*corev1.ConfigMap)
		switch event.Type {
		case watch.Added:
			initial++
		case watch.Bookmark:
			if object.Annotations[metav1.InitialEventsAnnotationKey] != "true" {
				return wrong("bookmark", object.Annotations, metav1.InitialEventsAnnotationKey)
			}
			if initial != 3 {
				return wrong("initial events", initial, 3)
			}
			return nil
		default:
			return wrong("event", event.Type, "ADDED or BOOKMARK")
		}
	}
	return wrong("watch", "ended", "a bookmark")
}

// connections remembers what was dialled, so that a check can break it all.
type connections struct {
	mutex sync.Mutex
	open  []net.Conn
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.open = append(c.open, connection)
	return connection, nil
}

func (c *connections) breakAll() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	count := len(c.open)
	for _, connection := range c.open {
		connection.Close()
	}
	c.open = nil
	return count
}

func sharedInformer(ctx context.Context, scene scene) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	network := &connections{}
	config := rest.CopyConfig(scene.config)
	config.Dial = network.dial
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, time.Second, informers.WithNamespace(scene.namespace))
	informer := factory.Core().V1().ConfigMaps()
	var added, updated, resynced, deleted atomic.Int32
	_, err = informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { added.Add(1) },
		UpdateFunc: func(before, after any) {
			if before.(*corev1.ConfigMap).ResourceVersion == after.(*corev1.ConfigMap).ResourceVersion {
				resynced.Add(1)
			} else {
				updated.Add(1)
			}
		},
		DeleteFunc: func(any) { deleted.Add(1) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	defer cancel()
	factory.WaitForCacheSync(ctx.Done())
	lister := informer.Lister().ConfigMaps(scene.namespace)
	maps := scene.client.CoreV1().ConfigMaps(scene.namespace)
	for round := range 3 {
		name := fmt.Sprintf("round-%d", round)
		made, err := maps.Create(ctx, configMap(name, map[string]string{"n": "0"}), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if err := eventually(ctx, name+" in the cache", func() (bool, error) { _, err := lister.Get(name); return err == nil, nil }); err != nil {
			return err
		}
		if network.breakAll() == 0 {
			return wrong("connections", 0, "at least one to break")
		}
		made.Data["n"] = "1"
		if _, err := maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
			return err
		}
		changed := func() (bool, error) {
			one, err := lister.Get(name)
			return err == nil && one.Data["n"] == "1", nil
		}
		if err := eventually(ctx, name+" changed while the connection was broken", changed); err != nil {
			return err
		}
	}
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name!=kube-root-ca.crt"}); err != nil {
		return err
	}
	if err := eventually(ctx, "three deletions", func() (bool, error) { return deleted.Load() == 3, nil }); err != nil {
		return err
	}
	return eventually(ctx, "a resync", func() (bool, error) { return resynced.Load() > 0 && updated.Load() >= 3, nil })
}

func otherInformers(ctx context.Context, scene scene) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	services := corev1.SchemeGroupVersion.WithResource("services")
	anyObject := dynamicinformer.NewFilteredDynamicSharedInformerFactory(dynamic.NewForConfigOrDie(scene.config), 0, scene.namespace, nil)
	onlyMetadata := metadatainformer.NewFilteredSharedInformerFactory(metadata.NewForConfigOrDie(scene.config), 0, scene.namespace, nil)
	one, other := anyObject.ForResource(services), onlyMetadata.ForResource(services)
	one.Informer()
	other.Informer()
	anyObject.Start(ctx.Done())
	onlyMetadata.Start(ctx.Done())
	anyObject.WaitForCacheSync(ctx.Done())
	onlyMetadata.WaitForCacheSync(ctx.Done())
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	if _, err := scene.client.CoreV1().Services(scene.namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return err
	}
	return eventually(ctx, "service in both caches", func() (bool, error) {
		_, first := one.Lister().ByNamespace(scene.namespace).Get("web")
		_, second := other.Lister().ByNamespace(scene.namespace).Get("web")
		return first == nil && second == nil, nil
	})
}

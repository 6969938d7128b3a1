// The filter of ../c/worker.c once more, in Go: a collector, a runtime with timers, panics.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"
)

var (
	greeting string
	ticks    int
	// Who waits for the answer of a token.
	asking = map[uint32]uint32{}
	// The path of each stream, which the host tells in the request's callbacks alone.
	paths = map[uint32]string{}
)

func main() {}

//go:wasmexport proxy_abi_version_0_2_0
func marker() {}

func say(text string) {
	data, size := pointer(text)
	proxyLog(levelInfo, data, size)
}

func header(which uint32, name string) (string, bool) {
	key, keySize := pointer(name)
	value, ok := call(func(data, size unsafe.Pointer) uint32 {
		return proxyGetHeaderMapValue(which, key, keySize, data, size)
	})
	return string(value), ok
}

func setHeader(which uint32, name, text string) {
	key, keySize := pointer(name)
	value, size := pointer(text)
	proxyReplaceHeaderMapValue(which, key, keySize, value, size)
}

func removeHeader(which uint32, name string) {
	key, keySize := pointer(name)
	proxyRemoveHeaderMapValue(which, key, keySize)
}

func addHeader(which uint32, name, text string) {
	key, keySize := pointer(name)
	value, size := pointer(text)
	proxyAddHeaderMapValue(which, key, keySize, value, size)
}

func bufferBytes(which, size uint32) []byte {
	bytes, _ := call(func(data, length unsafe.Pointer) uint32 {
		return proxyGetBufferBytes(which, 0, size, data, length)
	})
	return bytes
}

func urlPath() string {
	path, size := pointer("request\x00url_path")
	value, _ := call(func(data, length unsafe.Pointer) uint32 {
		return proxyGetProperty(path, size, data, length)
	})
	return string(value)
}

//go:wasmexport proxy_on_vm_start
func onVMStart(root, size uint32) uint32 {
	if proxySetTickPeriodMilliseconds(20) != statusOK {
		return 0
	}
	return 1
}

//go:wasmexport proxy_on_configure
func onConfigure(root, size uint32) uint32 {
	greeting = string(bufferBytes(pluginConfiguration, size))
	if greeting == "" {
		return 0
	}
	return 1
}

//go:wasmexport proxy_on_tick
func onTick(root uint32) {
	var counter uint32
	name, size := pointer("go_ticks")
	proxyDefineMetric(0, name, size, unsafe.Pointer(&counter))
	proxyIncrementMetric(counter, 1)
	ticks++
	if ticks == 3 {
		proxySetTickPeriodMilliseconds(0)
		say("ticked 3 times")
	}
}

func greet() {
	name, ok := header(requestHeaders, "x-name")
	if !ok {
		name = "stranger"
	}
	setHeader(requestHeaders, "x-greeting", greeting+", "+name)
	removeHeader(requestHeaders, "x-secret")
	addHeader(requestHeaders, "x-seen", "go")
	pairs, _ := call(func(data, size unsafe.Pointer) uint32 {
		return proxyGetHeaderMapPairs(requestHeaders, data, size)
	})
	fmt.Println(binary.LittleEndian.Uint32(pairs), "headers")
}

func deny() {
	details, detailsSize := pointer("not_welcome")
	body, bodySize := pointer("no entry\n")
	headers, headersSize := pointer(encoded([][2]string{{"x-denied-by", "go"}}))
	proxySendLocalResponse(403, details, detailsSize, body, bodySize, headers, headersSize, -1)
}

// countVisit counts in shared data, however many do so at once.
func countVisit() {
	key, keySize := pointer("visits")
	for {
		var cas uint32
		visits, _ := call(func(data, size unsafe.Pointer) uint32 {
			return proxyGetSharedData(key, keySize, data, size, unsafe.Pointer(&cas))
		})
		count, _ := strconv.Atoi(string(visits))
		number := strconv.Itoa(count + 1)
		value, size := pointer(number)
		if proxySetSharedData(key, keySize, value, size, cas) != statusCasMismatch {
			setHeader(requestHeaders, "x-visits", number)
			return
		}
	}
}

func ask(context uint32) uint32 {
	cluster, clusterSize := pointer("origin")
	headers, size := pointer(encoded([][2]string{
		{":method", "GET"}, {":path", "/side"}, {":authority", "side.test"},
	}))
	var token uint32
	status := proxyHTTPCall(cluster, clusterSize, headers, size, nil, 0, nil, 0, 5000, unsafe.Pointer(&token))
	if status != statusOK {
		return actionContinue
	}
	asking[token] = context
	return actionPause
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(context, count, endOfStream uint32) uint32 {
	paths[context] = urlPath()
	switch paths[context] {
	case "/headers":
		greet()
	case "/shared-data":
		countVisit()
	case "/request-body":
		removeHeader(requestHeaders, "content-length")
	case "/deny":
		deny()
		return actionPause
	case "/callout":
		return ask(context)
	case "/panic":
		panic("no way out")
	}
	return actionContinue
}

//go:wasmexport proxy_on_request_body
func onRequestBody(context, size, endOfStream uint32) uint32 {
	if paths[context] != "/request-body" {
		return actionContinue
	}
	if endOfStream == 0 {
		return actionPause
	}
	body := bytes.ToUpper(bufferBytes(requestBody, size))
	// A size that no body has means all of it.
	proxySetBufferBytes(requestBody, 0, 1<<31-1, unsafe.Pointer(unsafe.SliceData(body)), uint32(len(body)))
	return actionContinue
}

//go:wasmexport proxy_on_http_call_response
func onHTTPCallResponse(root, token, headers, bodySize, trailers uint32) {
	context, ok := asking[token]
	if !ok {
		return
	}
	delete(asking, token)
	status, _ := header(callResponseHeaders, ":status")
	body := bufferBytes(callResponseBody, bodySize)
	if proxySetEffectiveContext(context) == statusOK {
		setHeader(requestHeaders, "x-side", status+" "+string(body))
		proxyContinueStream(0)
	}
}

//go:wasmexport proxy_on_response_headers
func onResponseHeaders(context, count, endOfStream uint32) uint32 {
	addHeader(responseHeaders, "x-language", "go")
	removeHeader(responseHeaders, "content-length")
	return actionContinue
}

//go:wasmexport proxy_on_response_body
func onResponseBody(context, size, endOfStream uint32) uint32 {
	if endOfStream == 1 && paths[context] == "/response-body" {
		// A start behind every end appends.
		remark, length := pointer(" (read by go)")
		proxySetBufferBytes(responseBody, 1<<31-1, 0, remark, length)
	}
	return actionContinue
}

//go:wasmexport proxy_on_delete
func onDelete(context uint32) {
	delete(paths, context)
	for token, who := range asking {
		if who == context {
			delete(asking, token)
		}
	}
}

//go:wasmexport proxy_on_log
func onLog(context uint32) {
	status, _ := header(responseHeaders, ":status")
	say(fmt.Sprintf("ended with %s, time passes: %s", status, passes()))
}

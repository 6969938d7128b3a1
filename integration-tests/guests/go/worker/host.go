package main

import (
	"encoding/binary"
	"runtime"
	"unsafe"
)

// The part of ABI 0.2.0 that the guest uses, imported as it is.

//go:wasmimport env proxy_log
func proxyLog(level uint32, text unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_get_property
func proxyGetProperty(path unsafe.Pointer, pathSize uint32, value, size unsafe.Pointer) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(buffer, start, max uint32, data, size unsafe.Pointer) uint32

//go:wasmimport env proxy_set_buffer_bytes
func proxySetBufferBytes(buffer, start, size uint32, data unsafe.Pointer, dataSize uint32) uint32

//go:wasmimport env proxy_get_header_map_pairs
func proxyGetHeaderMapPairs(which uint32, pairs, size unsafe.Pointer) uint32

//go:wasmimport env proxy_get_header_map_value
func proxyGetHeaderMapValue(which uint32, key unsafe.Pointer, keySize uint32, value, size unsafe.Pointer) uint32

//go:wasmimport env proxy_add_header_map_value
func proxyAddHeaderMapValue(which uint32, key unsafe.Pointer, keySize uint32, value unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_replace_header_map_value
func proxyReplaceHeaderMapValue(which uint32, key unsafe.Pointer, keySize uint32, value unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_remove_header_map_value
func proxyRemoveHeaderMapValue(which uint32, key unsafe.Pointer, keySize uint32) uint32

//go:wasmimport env proxy_send_local_response
func proxySendLocalResponse(status uint32, details unsafe.Pointer, detailsSize uint32, body unsafe.Pointer, bodySize uint32, headers unsafe.Pointer, headersSize uint32, grpcStatus int32) uint32

//go:wasmimport env proxy_get_shared_data
func proxyGetSharedData(key unsafe.Pointer, keySize uint32, value, size, cas unsafe.Pointer) uint32

//go:wasmimport env proxy_set_shared_data
func proxySetSharedData(key unsafe.Pointer, keySize uint32, value unsafe.Pointer, size uint32, cas uint32) uint32

//go:wasmimport env proxy_http_call
func proxyHTTPCall(cluster unsafe.Pointer, clusterSize uint32, headers unsafe.Pointer, headersSize uint32, body unsafe.Pointer, bodySize uint32, trailers unsafe.Pointer, trailersSize uint32, timeout uint32, token unsafe.Pointer) uint32

//go:wasmimport env proxy_set_effective_context
func proxySetEffectiveContext(context uint32) uint32

//go:wasmimport env proxy_continue_stream
func proxyContinueStream(stream uint32) uint32

//go:wasmimport env proxy_set_tick_period_milliseconds
func proxySetTickPeriodMilliseconds(period uint32) uint32

//go:wasmimport env proxy_define_metric
func proxyDefineMetric(kind uint32, name unsafe.Pointer, size uint32, id unsafe.Pointer) uint32

//go:wasmimport env proxy_increment_metric
func proxyIncrementMetric(id uint32, offset int64) uint32

const (
	statusOK          = 0
	statusCasMismatch = 8

	levelInfo = 2

	requestHeaders      = 0
	responseHeaders     = 2
	callResponseHeaders = 6

	requestBody         = 0
	responseBody        = 1
	callResponseBody    = 4
	pluginConfiguration = 7

	actionContinue = 0
	actionPause    = 1
)

// Memory that the host has asked for and the guest has not taken yet: the collector must not.
var given = map[uint32][]byte{}

// As the SDK of Go does it: nothing that a host may ask for has no bytes.
//
//go:wasmexport proxy_on_memory_allocate
func onMemoryAllocate(size uint32) uint32 {
	if size == 0 {
		panic("asked for 0 bytes")
	}
	block := make([]byte, size)
	// The host may ask at any time, also for much: the collector may run here.
	runtime.GC()
	address := uint32(uintptr(unsafe.Pointer(&block[0])))
	given[address] = block
	return address
}

// take returns what the host has written, which may be nothing.
func take(address, size uint32) []byte {
	block := given[address]
	delete(given, address)
	return block[:size]
}

// call makes a call that gives bytes, and returns them if its status says that there are some.
func call(f func(data, size unsafe.Pointer) uint32) ([]byte, bool) {
	var address, size uint32
	if f(unsafe.Pointer(&address), unsafe.Pointer(&size)) != statusOK {
		return nil, false
	}
	if address == 0 {
		return nil, true
	}
	return take(address, size), true
}

func pointer(text string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(text)), uint32(len(text))
}

// encoded gives pairs the form that the host reads.
func encoded(pairs [][2]string) string {
	out := binary.LittleEndian.AppendUint32(nil, uint32(len(pairs)))
	for _, pair := range pairs {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(pair[0])))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(pair[1])))
	}
	for _, pair := range pairs {
		out = append(append(out, pair[0]...), 0)
		out = append(append(out, pair[1]...), 0)
	}
	return string(out)
}

package io.github.tornadoattention.simulator.engine;

import io.github.tornadoattention.simulator.Traffic;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Watches and counts one launch: attaches to the arrays that the kernel takes, and leaves them as they were. */
final class Observation implements AutoCloseable {

    private final GraphStep.Task task;
    private final WatchedLaunch watched;
    private final IdentityHashMap<TornadoNativeArray, TrafficCounter> counters = new IdentityHashMap<>();
    private final List<TornadoNativeArray> devices = new ArrayList<>();

    Observation(GraphStep.Task task, Geometry geometry, boolean watch,
            IdentityHashMap<TornadoNativeArray, DeviceBuffer> buffers) {
        this.task = task;
        this.watched = watch ? new WatchedLaunch(geometry) : null;
        for (Object argument : task.arguments()) {
            if (argument instanceof TornadoNativeArray host && !counters.containsKey(host)) {
                TornadoNativeArray device = buffers.get(host).device();
                TrafficCounter counter = new TrafficCounter(host.getElementSize());
                counters.put(host, counter);
                ArrayWatch.attach(device, watched == null ? counter : new GlobalShadow(device, watched, counter));
                devices.add(device);
            }
        }
        if (watched != null) {
            watched.begin();
        }
    }

    /** What the launch tells of its work-items, or null if it is only counted. */
    WatchedLaunch watched() {
        return watched;
    }

    /** The kernel ran to its end: its traffic counts. */
    void completed() {
        List<Traffic.ArrayTraffic> arrays = new ArrayList<>();
        for (Object argument : task.arguments()) {
            if (argument instanceof TornadoNativeArray host && counters.containsKey(host)) {
                TrafficCounter counter = counters.remove(host);
                arrays.add(new Traffic.ArrayTraffic(host, counter.bytesRead(), counter.bytesWritten()));
            }
        }
        TrafficRecorder.record(new Traffic.LaunchTraffic(task.name(), List.copyOf(arrays),
                watched == null ? 0 : watched.localBytesRead(), watched == null ? 0 : watched.localBytesWritten()));
    }

    @Override
    public void close() {
        WatchedLaunch.end();
        for (TornadoNativeArray device : devices) {
            ArrayWatch.attach(device, null);
        }
    }
}

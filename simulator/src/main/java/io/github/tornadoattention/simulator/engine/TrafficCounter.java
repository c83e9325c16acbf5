package io.github.tornadoattention.simulator.engine;

/** Counts the bytes of one global array that one launch reads and writes. */
final class TrafficCounter extends ArrayWatch {

    private final int elementBytes;
    private long reads;
    private long writes;

    TrafficCounter(int elementBytes) {
        this.elementBytes = elementBytes;
    }

    @Override
    public void read(int index) {
        reads++;
    }

    @Override
    public void write(int index) {
        writes++;
    }

    long bytesRead() {
        return reads * elementBytes;
    }

    long bytesWritten() {
        return writes * elementBytes;
    }
}

package uk.ac.manchester.tornado.api.enums;

/** When an array is copied between host and device. */
public class DataTransferMode {

    /** Once, before the graph's first execution; what the host changes later does not reach the device. */
    public static final int FIRST_EXECUTION = 0;
    /** At every execution of the graph. */
    public static final int EVERY_EXECUTION = 1;
    /** Only when {@link uk.ac.manchester.tornado.api.TornadoExecutionResult#transferToHost(Object...)} asks for it. */
    public static final int UNDER_DEMAND = 2;

    /** Holds constants only. */
    public DataTransferMode() {
    }
}

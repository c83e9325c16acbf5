package uk.ac.manchester.tornado.api.enums;

/** The kinds of device. */
public enum TornadoDeviceType {
    UNKNOWN, DEFAULT, CPU, GPU, FPGA, ACCELERATOR, CUSTOM, ALL
}

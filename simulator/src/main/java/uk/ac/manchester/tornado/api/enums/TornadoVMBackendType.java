package uk.ac.manchester.tornado.api.enums;

/** The code generators. */
public enum TornadoVMBackendType {
    OPENCL, METAL, PTX, CUDA, SPIRV, JAVA, VIRTUAL
}

package io.github.tornadoattention.simulator;

import java.lang.classfile.Annotation;
import java.lang.classfile.AnnotationElement;
import java.lang.classfile.AnnotationValue;
import java.lang.classfile.AttributedElement;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.FieldModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.ExceptionsAttribute;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The lines that {@link ApiSnapshot} writes for one class file: none if the class is not public. */
final class ApiClassFile {

    private static final Set<AccessFlag> KEPT = EnumSet.of(AccessFlag.PUBLIC, AccessFlag.PROTECTED, AccessFlag.STATIC,
            AccessFlag.FINAL, AccessFlag.ABSTRACT, AccessFlag.INTERFACE, AccessFlag.ENUM, AccessFlag.ANNOTATION,
            AccessFlag.VARARGS);

    private ApiClassFile() {
    }

    static List<String> lines(byte[] bytes) {
        ClassModel type = ClassFile.of().parse(bytes);
        if (!type.flags().has(AccessFlag.PUBLIC)) {
            return List.of();
        }
        String name = type.thisClass().asInternalName().replace('/', '.');
        List<String> lines = new ArrayList<>();
        lines.add("class " + name + " " + flags(type.flags().flags()) + superclass(type) + metaAnnotations(type));
        int constant = 0;
        for (FieldModel field : type.fields()) {
            if (isVisible(field.flags().flags())) {
                boolean isEnum = field.flags().has(AccessFlag.ENUM);
                lines.add("field " + name + " " + field.fieldName().stringValue() + " " + field.fieldType().stringValue() + " "
                        + flags(field.flags().flags()) + value(field) + (isEnum ? " ordinal=" + constant++ : ""));
            }
        }
        for (MethodModel method : type.methods()) {
            if (isVisible(method.flags().flags())) {
                lines.add("method " + name + " " + method.methodName().stringValue() + " " + method.methodType().stringValue()
                        + " " + flags(method.flags().flags()) + signature(method) + exceptions(method));
            }
        }
        return lines;
    }

    private static boolean isVisible(Set<AccessFlag> flags) {
        return (flags.contains(AccessFlag.PUBLIC) || flags.contains(AccessFlag.PROTECTED))
                && !flags.contains(AccessFlag.SYNTHETIC);
    }

    private static String flags(Set<AccessFlag> flags) {
        return flags.stream().filter(KEPT::contains).map(flag -> flag.name().toLowerCase(java.util.Locale.ROOT)).sorted()
                .collect(Collectors.joining(","));
    }

    /** Only exceptions are used by what they extend: they are caught. */
    private static String superclass(ClassModel type) {
        String parent = type.superclass().map(entry -> entry.asInternalName().replace('/', '.')).orElse("none");
        return parent.endsWith("Exception") || parent.endsWith("Error") ? " extends=" + parent : "";
    }

    private static String metaAnnotations(ClassModel type) {
        if (!type.flags().has(AccessFlag.ANNOTATION)) {
            return "";
        }
        return type.findAttribute(Attributes.runtimeVisibleAnnotations()).stream().flatMap(a -> a.annotations().stream())
                .map(ApiClassFile::text).sorted().map(text -> " " + text).collect(Collectors.joining());
    }

    private static String text(Annotation annotation) {
        String elements = annotation.elements().stream().map(AnnotationElement::value).map(ApiClassFile::text)
                .collect(Collectors.joining(","));
        String name = annotation.className().stringValue();
        return "@" + name.substring(name.lastIndexOf('/') + 1, name.length() - 1) + "(" + elements + ")";
    }

    private static String text(AnnotationValue value) {
        return switch (value) {
            case AnnotationValue.OfEnum constant -> constant.constantName().stringValue();
            case AnnotationValue.OfArray array -> array.values().stream().map(ApiClassFile::text).sorted()
                    .collect(Collectors.joining(","));
            default -> value.toString();
        };
    }

    private static String value(FieldModel field) {
        return field.findAttribute(Attributes.constantValue()).map(found -> " value=" + found.constant().constantValue())
                .orElse("");
    }

    private static String signature(AttributedElement element) {
        return element.findAttribute(Attributes.signature()).map(found -> " signature=" + found.signature().stringValue())
                .orElse("");
    }

    private static String exceptions(MethodModel method) {
        return method.findAttribute(Attributes.exceptions()).map(ExceptionsAttribute::exceptions)
                .map(list -> list.stream().map(entry -> entry.asInternalName().replace('/', '.')).sorted()
                        .collect(Collectors.joining(",", " throws=", "")))
                .orElse("");
    }
}

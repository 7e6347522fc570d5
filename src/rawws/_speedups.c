/* Masking [RFC 6455 5.3], for where there was a compiler. core/masking.py has the same in
   Python, says what it means, and chooses between the two. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Eight octets a step, at any alignment; compilers make wider steps of it. */
static void
xor_mask(char *restrict out, const char *restrict in, Py_ssize_t size, const char *mask)
{
    uint64_t twice;
    Py_ssize_t i = 0;
    memcpy(&twice, mask, 4);
    memcpy((char *)&twice + 4, mask, 4);
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, in + i, 8);
        word ^= twice;
        memcpy(out + i, &word, 8);
    }
    for (; i < size; i++)
        out[i] = in[i] ^ mask[i & 3];
}

static PyObject *
apply_mask(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    Py_buffer data, mask;
    PyObject *masked = NULL;
    if (count != 2) {
        PyErr_Format(PyExc_TypeError, "apply_mask takes data and mask, not %zd arguments", count);
        return NULL;
    }
    if (PyObject_GetBuffer(args[0], &data, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(args[1], &mask, PyBUF_SIMPLE) < 0) {
        PyBuffer_Release(&data);
        return NULL;
    }
    if (mask.len != 4)
        PyErr_Format(PyExc_ValueError, "a mask has 4 bytes, not %zd", mask.len);
    else if ((masked = PyBytes_FromStringAndSize(NULL, data.len)) != NULL)
        xor_mask(PyBytes_AS_STRING(masked), data.buf, data.len, mask.buf);
    PyBuffer_Release(&mask);
    PyBuffer_Release(&data);
    return masked;
}

static PyMethodDef functions[] = {
    {"apply_mask", (PyCFunction)(void (*)(void))apply_mask, METH_FASTCALL,
     "apply_mask(data, mask, /)\n--\n\nSee rawws.core.masking."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "rawws._speedups",
    .m_doc = "Masking in C.",
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    return PyModuleDef_Init(&definition);
}

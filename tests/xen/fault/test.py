# SPDX-License-Identifier: ISC
"""Each way to go wrong ends as a fault with a backtrace that names the function."""

CASES = {
    # argument: (what the report says, the function it names)
    "null": ("page fault", "null_write"),
    "text": ("text, which is read-only", "text_write"),
    "rodata": ("constants, which are read-only", "rodata_write"),
    "heap": ("execution of", "heap_jump"),
    "stack": ("execution of", "stack_jump"),
    "recursion": ("stack overflow", "recurse"),
    "smash": ("stack smashed", "smash"),
    "abort": ("abort", "call_abort"),
    "assert": ("assertion", "fail_assertion"),
    "divide": ("division error", "divide"),
}


def case(argument, said, function):
    def test(lab, image):
        result = lab.run_guest(image, args=[argument], memory=32, timeout=30)
        assert result.status not in (0, None), f"status {result.status}\n{result.console}"
        assert said in result.console, result.console
        assert f" {function}+0x" in result.console, result.console
        assert "survived" not in result.console, result.console
    return test


for argument, (said, function) in CASES.items():
    globals()[f"test_{argument}"] = case(argument, said, function)


def test_overflow_of_a_kernel_stack(lab, image):
    """PV's Xen cannot push a frame there: a crash without a word.  PVH and HVM report it."""
    result = lab.run_guest(image, args=["kernel"], memory=32, timeout=30)
    assert result.reason == "crash" and "survived" not in result.console, result.console
    if lab.type != "pv":
        assert "stack overflow, thread deep" in result.console, result.console
        assert " overflow+0x" in result.console, result.console

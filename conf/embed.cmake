# Writes a text file as a C string: cmake -DIN=file -DOUT=file.h -DSYMBOL=name -P embed.cmake
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT} "static const char ${SYMBOL}[] = {${bytes}0};\n")
